"""English words around the phrases: greetings, slots, moods, second topics, noise."""

from typing import Final

from tilth.samples.support_desk_en_account import ACCOUNT_EN
from tilth.samples.support_desk_en_billing import BILLING_EN
from tilth.samples.support_desk_en_orders import ORDERS_EN

MATERIAL_EN: Final[dict[str, str]] = {**ORDERS_EN, **ACCOUNT_EN, **BILLING_EN}

SLOTS_EN: Final[dict[str, tuple[str, ...]]] = {
    "product": (
        *("Sprig tablet", "Sprig e-paper tablet", "Tansy stylus", "Burr dock", "Sorrel lamp"),
        *("Teasel keyboard", "Clover headset", "Hazel sleeve", "Sorrel desk lamp", "Sprig Mini"),
    ),
    "app": ("Brambleway Notes", "Brambleway", "the app", "the Notes app", "your app"),
    "plan": ("Plus", "Team", "Family", "Student", "Plus yearly"),
    "span": ("three days", "a week", "ten days", "48 hours", "two weeks", "5 days"),
    "days": (
        *("three days", "a week", "ten days", "two weeks", "9 days", "more than a week", "5 days"),
        *("almost a month", "4 days", "over two weeks", "12 days"),
    ),
    "ago": (
        *("last Tuesday", "two weeks ago", "a month ago", "on the 12th", "yesterday", "on Friday"),
        *("last week", "on the 3rd", "three days ago", "at the weekend", "some time ago", "on Monday"),
    ),
    "carrier": ("Swiftparcel", "Hedgerow Express", "the courier", "Northlane", "the post"),
    "device": (
        *("my iPhone", "my Windows laptop", "an old iPad", "my Pixel", "a MacBook", "Windows 11"),
        *("my work PC", "an Android tablet"),
    ),
    "browser": ("Firefox", "Chrome", "Safari", "Edge"),
    "tablet": ("Sprig tablet", "Sprig e-paper tablet", "Sprig Mini"),
    "gadget": ("Sprig tablet", "Tansy stylus", "Burr dock", "Teasel keyboard", "Clover headset"),
    "powered": ("Sorrel lamp", "Burr dock", "Sprig Mini", "Clover headset"),
    "since": (
        *("last Tuesday", "Friday", "the weekend", "yesterday", "Monday morning", "the 12th"),
        *("last week", "the 3rd", "Thursday"),
    ),
    "callback": ("tomorrow", "after 5pm", "Monday", "next week", "in the morning"),
    "colour": ("green", "white", "dark blue", "red", "grey"),
    "person": ("my husband", "our accountant", "my boss", "my daughter", "a colleague"),
}

GREETINGS: Final = (
    *("Hi,", "Hello,", "Hi there,", "Dear team,", "Good morning,", "Dear Sir or Madam,", "Hey,"),
    *("Hello Brambleway,", "Good afternoon,", "To whom it may concern,", "hi guys,", "Hi all,"),
)
CHAT_OPENERS: Final = ("hi", "hello", "hey", "hi there", "good evening", "Hello?", "hi again")
CLOSINGS: Final = (
    *("Thanks", "Thank you!", "Best regards", "Kind regards", "Cheers", "Many thanks in advance"),
    *("Regards", "Thanks in advance", "Yours sincerely", "Have a nice day", "Thx", "Best"),
)
CONTEXTS: Final = (
    "I've been a customer [for {n} years|since the beginning] and [never had trouble|was always happy].",
    "I hope you can help me.",
    "I already wrote about this {ago}, [no answer so far|without an answer].",
    "I'm writing about order {order}.",
    "I ordered a {product} {ago}.",
    "I use {app} on {device} with the {plan} plan.",
    "I have a {plan} subscription [since {month}|for {n} years].",
    "Your chat sent me here.",
    "I paid {amount} for this {ago}.",
    "I looked through the help pages and found nothing.",
    "I tried to call you, but the line was busy.",
    "This concerns my account with you.",
    "I just got a mail from you that I don't understand.",
    "I logged in today to look after my order.",
)
MOODS: Final = (
    "This is really [annoying|frustrating|disappointing].",
    "It's not urgent.",
    "I'm a bit lost here.",
    "Please hurry, it's urgent.",
    "[Honestly|Frankly], I expected more from you.",
    "Sorry if this is the wrong place to ask.",
    "Otherwise I like your products a lot.",
    "I don't want to wait another {span}.",
    "That can't be right, can it?",
    "I'm running out of patience.",
)
SECOND_TOPIC: Final = (
    *("Also: ", "By the way, ", "One more thing: ", "PS: ", "And another thing. ", "Besides, "),
    *("While I'm at it, ", "Second question. ", "Oh, and "),
)
MONTHS: Final = ("January", "February", "March", "April", "May", "June", "July")
FIRST_TOPIC: Final = (
    "{other} That's for later though. {main}",
    "{other} But what I'm really writing about: {main}",
    "Two things. {other} And, more important: {main}",
)
VAGUE: Final = (
    "It's about {order}. Can you [have a look|check it], please?",
    "Something is wrong with my [{plan} plan|order|account]. [Please help|Can you check?]",
    "I have a problem with the {product} [I ordered {ago}|from order {order}].",
    "See my message from {since}, nothing has changed since then.",
    "As discussed on the phone {ago}, please go ahead [with {order}|with the {plan} plan].",
    "Could you sort out {order} for me? You know what it's about.",
    "The thing with the {amount} is still not solved.",
    "I'm [not happy|disappointed] with how you handled {order}. What now?",
    "Your mail from {since} doesn't answer my question about [the {product}|{plan}|{app}].",
    "Same problem as {ago}, this time with [{plan}|the {product}|{device}].",
)
AGENT_TAILS: Final = (
    *("Call back {callback}.", "Will call again.", "Sounded upset.", "Very friendly.", "Long-time customer."),
    *("No further action.", "Follow up by mail.", "Bad line.", "Case passed on.", "Asked for quick reply."),
)

SYNONYMS_EN: Final = {
    "I want": "I would like",
    "I'd like": "I want",
    "please": "kindly",
    "order": "purchase",
    "money": "payment",
    "parcel": "package",
    "mail": "message",
    "bought": "purchased",
    "arrived": "came",
    "problem": "issue",
    "can": "could",
    "Can": "Could",
    "Could": "Can",
    "need": "require",
    "works": "is working",
    "delete": "remove",
    "send": "forward",
    "nothing": "not a thing",
    "again": "once more",
    "since": "ever since",
    "really": "truly",
    "get": "receive",
    "last week": "a week ago",
    "yesterday": "the day before",
    "help": "assist",
    "change": "update",
    "don't": "do not",
    "doesn't": "does not",
    "can't": "cannot",
    "isn't": "is not",
    "It's": "It is",
    "it's": "it is",
    "I'm": "I am",
    "I've": "I have",
    "haven't": "have not",
    "didn't": "did not",
}
LAST_WORDS: Final = ("Please answer.", "Still waiting.", "It's getting urgent.", "Hoping for a reply", "Thanks again")
RESENT_EN: Final = (
    "Any news?\n\n{text}",
    "{text}\n\nAny news on this?",
    "I'm sending this again because nobody answered. {text}",
    "Second try: {text}",
    "{text} (sent this by mail as well)",
    "Hello? {text}",
)
SIGNATURES: Final = (
    "\n\nSent from my iPhone",
    "\n\n--\nSent from my Android phone",
    "\n\nSent from my mobile, please excuse typos",
    "\n\nGet the mail app for tablets",
)
ONE_WORD: Final = (
    *("hello", "?", "test", "ok", "help", "null", "asap", "thanks", "yes", "hi", "N/A", "order"),
    *("why", "...", "urgent", "re:", "在吗", "你好", "谢谢", "1", "none", "stop", "问题", "error"),
)
FOREIGN: Final = (
    ("refund_request", "fr", "Bonjour, je souhaite être remboursé pour ma commande {order}, merci."),
    ("delivery_late", "fr", "Toujours rien reçu, la commande {order} devait arriver la semaine dernière."),
    ("password_reset", "fr", "J'ai oublié mon mot de passe et le lien ne fonctionne pas."),
    ("invoice_question", "fr", "Pourriez-vous m'envoyer la facture {invoice} au format PDF ?"),
    ("cancel_subscription", "fr", "Je voudrais résilier mon abonnement {plan} à la fin du mois."),
    ("bug_report", "fr", "L'application plante à chaque ouverture depuis la version {version}."),
    ("change_address", "fr", "J'ai déménagé, pouvez-vous changer l'adresse de livraison de {order} ?"),
    ("product_question", "fr", "Est-ce que le {product} est compatible avec Linux ?"),
    ("payment_failed", "fr", "Mon paiement est refusé avec l'erreur {error}, que faire ?"),
    ("refund_request", "de", "Ich möchte das {product} zurückgeben und mein Geld zurück, bitte."),
    ("delivery_late", "de", "Wo bleibt mein Paket? Die Bestellung {order} ist seit zwei Wochen überfällig."),
    ("password_reset", "de", "Ich komme nicht mehr in mein Konto, das Passwort wird nicht angenommen."),
    ("invoice_question", "de", "Auf der Rechnung {invoice} fehlt unsere Umsatzsteuernummer."),
    ("cancel_subscription", "de", "Hiermit kündige ich mein Abo {plan} zum nächstmöglichen Termin."),
    ("bug_report", "de", "Seit Version {version} stürzt die App beim Öffnen ständig ab."),
    ("account_deletion", "de", "Bitte löschen Sie mein Konto und alle gespeicherten Daten."),
    ("product_question", "de", "Gibt es das {product} auch in Grün und wie lange hält der Akku?"),
    ("speak_to_human", "de", "Ich möchte mit einem echten Menschen sprechen, bitte um Rückruf."),
)
