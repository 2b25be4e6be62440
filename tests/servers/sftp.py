"""An SFTP server: Debian's OpenSSH `sshd` on a private port, with a host key and a user's key of its own."""

from __future__ import annotations

import getpass
import subprocess
import uuid
from pathlib import Path

from tests import servers


def start() -> servers.Server:
    """Start it; tests use folders of their own below `facts["root"]` (`folder`)."""
    return servers.once("sftp", _launch)


def _launch(folder: Path) -> servers.Server:
    sshd = servers.debian("sshd", "openssh-server")
    server = servers.debian("sftp-server", "openssh-sftp-server", places=("/usr/lib/openssh", "/usr/libexec"))
    servers.debian("sftp", "openssh-client")
    port = servers.free_port()
    for name in ("host", "user", "other"):
        keygen = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(folder / name)]
        subprocess.run(keygen, check=True, capture_output=True)
    (folder / "authorized").write_bytes((folder / "user.pub").read_bytes())
    root = folder / "root"
    root.mkdir()
    config = folder / "sshd_config"
    config.write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nPidFile none\nUsePAM no\nStrictModes no\n"
        f"AuthorizedKeysFile {folder}/authorized\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
        f"PermitRootLogin prohibit-password\nSubsystem sftp {server}\nMaxStartups 50\n"
    )
    kind, key = (folder / "host.pub").read_text().split()[:2]
    (folder / "known").write_text(f"[127.0.0.1]:{port} {kind} {key}\n")
    kind, key = (folder / "other.pub").read_text().split()[:2]
    (folder / "strange").write_text(f"[127.0.0.1]:{port} {kind} {key}\n")
    Path("/run/sshd").mkdir(exist_ok=True)
    servers.spawn([sshd, "-D", "-e", "-f", config], folder, ready=lambda: servers.answers(port))
    facts = {name: str(folder / name) for name in ("root", "user", "other", "known", "strange")}
    return servers.Server("sftp", port, folder, facts={**facts, "name": getpass.getuser()})


def folder(server: servers.Server) -> tuple[Path, str]:
    """Make a folder; return where it lies here, and its URL."""
    path = Path(str(server.facts["root"])) / uuid.uuid4().hex[:12]
    path.mkdir()
    return path, f"sftp://{server.facts['name']}@127.0.0.1:{server.port}{path}"
