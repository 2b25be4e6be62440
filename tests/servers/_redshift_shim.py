"""Stand between Redshift's client and PostgreSQL: _redshift_shim.py PORT POSTGRES_PORT USER PASSWORD S3_ENDPOINT.

It keeps only the start-up keys that PostgreSQL knows, says that the server is of version 8.0.2, writes VARBYTE as bytea
and DATEADD as an interval, and does what PostgreSQL can't: COPY from Parquet in S3, in the session's own transaction,
and UNLOAD to Parquet in S3. It looks at no IAM role but one whose name says that it is refused.
"""

import functools
import io
import re
import select
import socket
import struct
import sys
import threading

KEPT = {"user", "database", "application_name", "client_encoding", "options"}
ROLE = r"IAM_ROLE '(?P<role>[^']*)'"
COPY = re.compile(rf"COPY (?P<table>\S+) FROM '(?P<url>[^']*)' {ROLE} FORMAT AS PARQUET\s*\Z")
UNLOAD = re.compile(
    rf"UNLOAD \(\$\$(?P<sql>.*)\$\$\) TO '(?P<url>[^']*)' {ROLE} FORMAT AS PARQUET PARALLEL OFF\s*\Z", re.S
)
NOTHING = "SELECT 1 WHERE false"


class Refused(Exception):
    """What S3 or Redshift would say."""


@functools.cache
def s3():
    import boto3

    return boto3.client(
        "s3", endpoint_url=sys.argv[5], aws_access_key_id="k", aws_secret_access_key="s", region_name="us-east-1"
    )


def place(url, role):
    if "refused" in role:
        raise Refused("S3ServiceException: AccessDenied, the role is not authorized")
    bucket, _, key = url.removeprefix("s3://").partition("/")
    return bucket, key


def fetched(url, role):
    import pyarrow.parquet as parquet

    bucket, key = place(url, role)
    client = s3()
    found = client.list_objects_v2(Bucket=bucket, Prefix=key).get("Contents", [])
    if not found:
        raise Refused("S3ServiceException: NoSuchKey, the specified key does not exist")
    for each in found:
        yield parquet.read_table(io.BytesIO(client.get_object(Bucket=bucket, Key=each["Key"])["Body"].read()))


def cell(value):
    if value is None:
        return ""
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, bytes):
        return f'"\\x{value.hex()}"'
    return '"' + str(value).replace('"', '""') + '"'


class Talk:
    """One client's connection."""

    def __init__(self, client):
        self.client = client
        self.server = socket.create_connection(("127.0.0.1", int(sys.argv[2])))
        for end in (self.client, self.server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.from_client = self.from_server = b""
        self.database = ""

    def run(self):
        head = self.exactly(self.client, 4)
        body = self.exactly(self.client, struct.unpack("!i", head)[0] - 4)
        parts = body[4:].split(b"\0")
        told = {name.decode(): value for name, value in zip(parts[::2], parts[1::2], strict=False) if name}
        self.database = told["database"].decode()
        kept = b"".join(name.encode() + b"\0" + value + b"\0" for name, value in told.items() if name in KEPT)
        start = body[:4] + kept + b"\0"
        self.server.sendall(struct.pack("!i", len(start) + 4) + start)
        while True:
            ready, _, _ = select.select([self.client, self.server], [], [])
            for end in ready:
                data = end.recv(1 << 16)
                if not data:
                    return
                if end is self.client:
                    self.from_client = self.messages(self.from_client + data, self.asked)
                else:
                    self.from_server = self.messages(self.from_server + data, self.answered)

    def messages(self, data, handle):
        while len(data) >= 5 and len(data) > (size := struct.unpack("!i", data[1:5])[0]):
            handle(data[:1], data[5 : size + 1])
            data = data[size + 1 :]
        return data

    def answered(self, kind, body):
        if kind == b"S" and body.startswith(b"server_version\0"):
            body = b"server_version\x008.0.2\0"
        if kind == b"R" and body.startswith(b"\0\0\0\x0a"):
            # Redshift's client takes the end of the list of mechanisms for one more.
            body = body[:-1]
        self.client.sendall(kind + struct.pack("!i", len(body) + 4) + body)

    def asked(self, kind, body):
        if kind == b"P":
            name, query, rest = body.split(b"\0", 2)
            body = name + b"\0" + self.translated(query.decode()).encode() + b"\0" + rest
        elif kind == b"Q":
            body = self.translated(body[:-1].decode()).encode() + b"\0"
        self.server.sendall(kind + struct.pack("!i", len(body) + 4) + body)

    def translated(self, sql):
        copy, unload = COPY.match(sql), UNLOAD.match(sql)
        try:
            if copy:
                for table in fetched(copy["url"], copy["role"]):
                    self.load(copy["table"], table)
                return NOTHING
            if unload:
                self.unload(unload["sql"], *place(unload["url"], unload["role"]))
                return NOTHING
        except Exception as error:  # noqa: BLE001 (the client is told)
            said = str(error).replace("'", "").split("\n")[0]
            return f"SELECT CAST('{said}' AS integer)"
        return self.words(sql)

    def words(self, sql):
        sql = re.sub(r"VARBYTE\(\d+\)", "bytea", sql)
        return re.sub(
            r"DATEADD\(microsecond, (-?\d+), (CAST\('[^']*' AS \w+\))\)", r"(\2 + interval '\1 microseconds')", sql
        )

    def load(self, table, rows):
        names = ", ".join(f'"{name}"' for name in rows.schema.names)
        lines = "".join(
            ",".join(map(cell, row)) + "\n" for row in zip(*(c.to_pylist() for c in rows.columns), strict=True)
        )
        self.simple(f"COPY {table} ({names}) FROM STDIN WITH (FORMAT csv, NULL '')", lines.encode())

    def simple(self, sql, data):
        """Run a COPY in the session, which is idle: the client waits for an answer."""
        body = sql.encode() + b"\0"
        self.server.sendall(b"Q" + struct.pack("!i", len(body) + 4) + body)
        failed = ""
        while True:
            kind, size = struct.unpack("!ci", self.exactly(self.server, 5))
            answer = self.exactly(self.server, size - 4)
            if kind == b"G":
                for start in range(0, len(data), 1 << 20):
                    piece = data[start : start + (1 << 20)]
                    self.server.sendall(b"d" + struct.pack("!i", len(piece) + 4) + piece)
                self.server.sendall(b"c" + struct.pack("!i", 4))
            elif kind == b"E":
                failed = next(part[1:].decode() for part in answer.split(b"\0") if part[:1] == b"M")
            elif kind == b"Z":
                break
        if failed:
            raise Refused(failed)

    def unload(self, sql, bucket, key):
        import pyarrow as pa
        import pyarrow.parquet as parquet
        from adbc_driver_postgresql import dbapi

        url = f"postgresql://{sys.argv[3]}:{sys.argv[4]}@127.0.0.1:{sys.argv[2]}/{self.database}"
        with dbapi.connect(url, autocommit=True) as connection, connection.cursor() as cursor:
            cursor.execute(self.words(sql))
            table = cursor.fetch_arrow_table()
        # What ADBC knows only as PostgreSQL's own, such as numeric, is text here.
        plain = [
            column.cast(column.type.storage_type) if isinstance(column.type, pa.BaseExtensionType) else column
            for column in table.columns
        ]
        file = io.BytesIO()
        parquet.write_table(pa.table(plain, names=table.schema.names), file)
        if table.num_rows:
            s3().put_object(Bucket=bucket, Key=f"{key}0000_part_00.parquet", Body=file.getvalue())

    def exactly(self, end, count):
        data = b""
        while len(data) < count:
            more = end.recv(count - len(data))
            if not more:
                raise ConnectionError
            data += more
        return data


def serve(client):
    talk = None
    try:
        talk = Talk(client)
        talk.run()
    except (OSError, ConnectionError):
        pass
    finally:
        client.close()
        if talk:
            talk.server.close()


def main():
    s3()
    listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=64)
    while True:
        client, _ = listener.accept()
        threading.Thread(target=serve, args=(client,), daemon=True).start()


main()
