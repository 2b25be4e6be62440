"""English phrases about payments, invoices, faults and wishes."""

from typing import Final

BILLING_EN: Final = {
    "payment_failed": """
core
  My [card|payment] was [declined|rejected|refused] when I tried to [buy the {product}|renew {plan}].
  I can't pay for order {order}, [checkout|the page] says [error {error}|"payment failed"|"try later"].
  The payment [failed|didn't go through] {n} times, but my card works [fine elsewhere|in every shop].
  PayPal sends me back to the cart [without paying|with error {error}|and nothing happens].
  My bank [approved|confirmed] the {amount}, your shop still [shows "unpaid"|says it failed].
  I got a mail that my last payment for {plan} [failed|could not be collected].
  Checkout doesn't accept my [new card|debit card|American card], only [error {error}|a red line].
  The confirmation code from my bank arrives, I enter it, and the payment is [cancelled|refused].
  How can I pay for {plan} if my card [has expired|was replaced]?
  The pay button [stays grey|does nothing|spins forever], so I couldn't order the {product}.
  I'm trying to pay {amount} since {since} and it's always refused.
  My direct debit bounced in {month}, how can I pay the {amount} now?
  Money was taken but the order [{order}|] [is still open|says payment pending].
  Your shop says "insufficient funds", which is nonsense, I have [plenty|enough] on that account.
  Apple Pay is offered at checkout but then it says {error}.
  The renewal of {plan} can't be charged, please tell me what's wrong with my card.
short
  payment failed
  card declined, why?
  cant pay for {order}
  checkout error {error}
  paypal doesn't work
  card not accepted
  my payment won't go through
  says payment pending for {days}
detail
  I tried {n} different cards.
  My bank sees no attempt at all.
  There is enough money on the account.
  It worked last {month}.
  The amount was {amount}.
  I used {browser} on {device}.
  The {amount} is shown as reserved.
  I don't want to lose the discount.
  I'd like the order to ship soon.
ask
  Can I pay in some other way?
  Did you get the money or not?
  Please check what's wrong.
  Should I try again?
  Could you keep the {product} for me?
note
  Card declined at checkout, error {error}. Suggested other card.
  Payment for {order} pending since {since}, bank says OK.
  Renewal {plan} failed, new card needed. Sent link.
  PayPal loop at checkout, passed on to tech.
  Caller can't pay {amount}, tried {n} cards.
  Direct debit returned in {month}, agreed bank transfer.
hard
  I have no invoice because you won't take my money: {error} again.
  Your app closes the moment I tap "buy {plan}".
  The bank lets it through and your system throws it back. Where's my {amount} now?
  I'd have ordered a {product} {ago}, if checkout had let me.
  My subscription was stopped by you, because the card ran out. I have a new one.
  Do you want the {amount} or not? Third try tonight.
  The code to approve it never gets to me, so {order} stays open.
""",
    "invoice_question": """
core
  [Could|Can] you send me the invoice for order {order}?
  I need a [VAT|proper|printed] invoice for [the {plan} plan|my {product}], only a receipt was attached.
  On invoice {invoice} the [company name|VAT number|tax] is [missing|wrong], please [correct|reissue] it.
  What is the [charge|item|position] of {amount} on invoice {invoice} [for|about]?
  [I|We] didn't get [an|any] invoice for {month}.
  Where can I download [my invoices|the bills of last year|a receipt for {month}]?
  The total on {invoice} [doesn't match|is different from] what was [charged|on the order confirmation].
  Please add our purchase order number to invoice {invoice}.
  Why is my {month} bill [higher|{amount} more] than [before|usual]?
  {person} needs a receipt for the {product}, in PDF.
  The invoice shows {n} seats, but we're only [a few|two less] on the {plan} plan.
  Can I get one invoice per quarter instead of every month?
  Please send all invoices to our accounts department [from now on|in future].
  You've billed us without the reduced rate, {invoice} should be [tax free|lower].
  Your reminder says {invoice} is unpaid. We paid {amount} {ago}.
short
  invoice for {order} please
  need a receipt
  no invoice for {month}
  what's this {amount} on my bill
  wrong VAT on {invoice}
  where are my invoices
  bill higher than usual?
detail
  It's for my tax return.
  Our accountant keeps asking.
  The PDF in the mail is empty.
  The order number is {order}.
  We need it before the end of {month}.
  The name on it should be the company's.
  I paid by bank transfer.
  It's the same every {month}.
ask
  Could you send it as PDF?
  Please explain.
  Is there a corrected version?
  Where would I find that?
  Please resend it.
note
  Needs invoice for {order}, sent by mail.
  Query on {invoice}: {amount} not recognised. Explained pro rata.
  VAT no. missing on {invoice}, accounting to reissue.
  Wants bills by quarter, noted.
  Reminder for {invoice} though paid {ago}, check w/ finance.
  Receipt for {product} for insurance claim.
hard
  You charged {amount} in {month}, and I'd like to understand why before I ask for it back.
  My payment went through, so where's the paper that says so?
  We moved: the bill for {month} still carries the old office.
  For the insurance I have to prove what the {product} cost.
  {person} can't book {amount} without a document.
  The subscription ended {ago} and there is still a line for {plan} on {invoice}.
  I can't open the attachment you sent with {order}.
""",
    "bug_report": """
core
  {app} [crashes|freezes|closes] on {device} [when I open a notebook|every time I start it|while syncing].
  Since [the update|version {version}] [my notes don't sync|the search finds nothing|pages are blank].
  I found a bug: if I [paste a table|rotate a page|rename a folder], {app} [hangs|loses the text].
  The {gadget} [does not connect|keeps disconnecting|isn't recognised] after the firmware update.
  I get error {error} when I [export|print|share|upload] [a page|a notebook|anything].
  My notes from {since} [have disappeared|are gone|show up empty].
  The sync [is stuck|fails] with {error}, on {device} and in the browser.
  In {browser} the [toolbar|sidebar|save button] is [cut off|missing|not clickable].
  The app is [painfully slow|eating my battery] since {version}.
  Handwriting lags behind the stylus on the Sprig since the last update.
  Dates are shown [wrong|in US format|a day early] in {app} {version}.
  {app} shows the notebooks of [{person}|somebody else] in my list!
  Undo [removes too much|doesn't work] after pasting a picture in {app}.
  Notifications come {n} times for the same reminder.
  The web version [logs me out|reloads] every few minutes and I lose what I typed.
  Dark mode makes [links|tables|the cursor] invisible in {version}.
  The {powered} [flickers|beeps|turns itself off] about {n} times an hour.
short
  app crashes on start
  sync doesn't work since {version}
  error {error} on export
  notes gone after update!!
  {gadget} won't connect
  search is broken
  screen goes black when i print
  {app} freezes on {device}
  pdf export empty
detail
  I reinstalled it, no change.
  It started after the update {ago}.
  My version is {version}.
  On {device} it works.
  I can send you a screen recording.
  It happens about every {n}th time.
  Restarting helps for a while.
  {person} has the same problem.
  I lost {n} pages.
ask
  Is this a known problem?
  When will it be fixed?
  How do I get my notes back?
  Can I go back to the old version?
  Any workaround?
note
  {app} crash on {device}, version {version}. Asked for log file.
  Sync error {error} since {since}. Reinstall didn't help. Passed to dev.
  {gadget} not recognised after firmware update.
  Notes missing, restored from backup, cust. to check.
  Web editor reloads in {browser}, reproduced here.
  Reminder fires {n} times. Known bug, told her next release.
hard
  I pay for {plan} and can't open a single notebook since {since}.
  It would be nice if the app could save my work instead of eating it.
  Every time I try to change my profile picture, {error}.
  The keyboard shortcut from your manual types a question mark. On {device} that is.
  Is it meant to do that? I tap once, I get two pages.
  My {gadget} arrived on time and was dead within {span}: no light, no sound.
  After logging in I'm looking at a white page. {version}, {browser}.
  The invoice page turns into gibberish when I print it.
""",
    "feature_request": """
core
  It would be [great|nice|helpful] if {app} could [read notes aloud|sort by colour|export to Word].
  Please add [a dark mode|folders inside folders|a calendar view|tags] to {app}.
  I [miss|am missing] [an offline mode|a word count|a widget] in {app}, [other apps have it.|any plans?]
  Could you [make|offer] the {product} in {colour}?
  I'd love to be able to [share a notebook with a link|lock single notes|merge pages].
  [Suggestion|Idea|Wish]: let {app} [remember the last page|show two notes side by side].
  Are you planning [a Linux version|support for handwriting search|an API]? I'd use it daily.
  Would you consider a {plan} plan for [couples|clubs|small offices]?
  Any chance of [keyboard shortcuts|a bigger font|voice notes] in the next version?
  An option to turn off [the animations|the sounds|weekly mails] would make {app} perfect.
  The {powered} should have [a longer cable|a dimmer|a second port], please think about it.
  Version {version} is lovely. Next please: [templates|undo for deletes|a bin].
  Our team needs [roles|comments|a shared calendar] in {app} before we can roll it out.
  Why is there no way to [print several notes|search in all notebooks] at once? Please build it.
short
  please add dark mode
  feature idea: voice notes
  linux version please
  wish: calendar view
  add tags!
  would love an api
  {product} in {colour} pretty please
detail
  It'd save me an hour a week.
  Every other app I tried has it.
  I'd even pay for it.
  {person} would love it as well.
  I saw that others ask for it in the forum.
  Right now I do it by hand.
  I use it on {device} all day.
ask
  Is it on your roadmap?
  Can I vote for it somewhere?
  Happy to test a beta.
  What do you think?
note
  Suggestion: {product} in {colour}. Passed to product team.
  Would like calendar view in {app}, uses it w/ {n} people.
  Wish: export to Word. Not planned, logged.
  Teacher asks for class licences w/ shared notebooks.
  Asked for Linux version, added vote.
hard
  I always have to reset the zoom when I reopen a page. Remember it for me?
  The app works. It could work with one hand, too, if the buttons were at the bottom.
  Paying by invoice would be handy, maybe offer that one day.
  Let us choose a delivery day at checkout, like others do.
  One password for the whole family is silly. Give each of us a login.
  Does {app} speak to my calendar? No? It should.
""",
}
