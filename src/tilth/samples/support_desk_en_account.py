"""English phrases about accounts: passwords, closing, cancelling, asking for a person."""

from typing import Final

ACCOUNT_EN: Final = {
    "password_reset": """
core
  I [forgot|can't remember|lost] my password and the reset [mail|email|link] [never comes|isn't coming].
  The [password|reset] link [says it has expired|is dead|leads to an empty page] every time.
  I'm locked out of my account after [too many|{n}] [tries|attempts].
  I changed my phone and can't get the [login|verification|six digit] code any more.
  How do I [reset|change] my password? I [only find|see] no button for it in {app}.
  {app} [logged|signed] me out on {device} and now [it rejects my password|my password is wrong].
  My old mail address is gone, so I can't [receive|open] the reset link.
  Can you send me a new password for my account, please?
  The login page keeps saying "wrong password" even though I [reset it|changed it] {ago}.
  I need to get back into my account, the [recovery|backup] codes [don't work|are lost].
  Somebody tried to log in as me, and I'd like to set a new password [right away|now].
  The reset page says my new password is too weak, [whatever I type|no matter what].
  I requested the reset {n} times and got {n} mails, none of the links work.
  My account is blocked since {since}, it says to contact support to sign in.
  Login with [my work account|Google|Apple] is gone, and I never had a password.
  My colleague set up the account and left. We need the login for the {plan} plan.
short
  cant log in
  forgot my password
  reset link doesn't work
  no reset mail
  locked out of my account
  password wrong?? its not
  need a new password please
  login code never arrives
  how do i change my password
detail
  I checked the spam folder too.
  I tried it on {device} and in {browser}.
  It worked until {since}.
  I have important notes in there.
  The mail address is certainly right.
  I can't see my orders without it.
  The password manager has the old one.
  I waited {n} hours in between.
ask
  How do I get back in?
  Could you unlock it?
  Please send me a link that works.
  Can you do it from your end?
  What can I do?
note
  Locked out after {n} attempts, sent reset link, [worked|to be confirmed].
  Forgot password, no access to old mailbox. Needs identity check.
  Reset mail not received, checked spam w/ her. Resent twice.
  New phone, 2FA codes lost. Escalated.
  Cust. can't sign in on {device} since {since}.
  Password change rejected as too weak, talked him through it.
hard
  {app} on {device} asks me who I am and then does not believe me.
  The app crashes? No. It simply won't take my credentials since {since}.
  I wanted to change my address but can't get in to do it.
  I can't download my invoice because I can't get past the first page.
  It isn't deleted, is it? My account says "unknown user or wrong secret".
  The message with the six digits reaches a phone I sold {ago}.
  I'd love to cancel or pay or whatever, if only you would let me in.
  My keychain filled in something old and now I'm out for {n} hours.
""",
    "account_deletion": """
core
  Please [delete|close|remove] my account and [all my data|everything you have stored about me].
  I [don't|no longer] use {app} and want my account [deleted|closed|gone].
  How can I [permanently|completely] [delete|erase] my [account|profile]?
  Under the GDPR I ask you to erase [all personal data|every record] you hold on me.
  I stopped paying [long ago|in {month}], now I want the account itself to be removed.
  I have two accounts, please delete [the older one|the one without orders].
  Remove my [email|details] from your database, I never [signed up|asked for this].
  I exported my notes, you can [close|wipe] the account now.
  Please confirm in writing that my data has been [erased|deleted].
  The delete button in the settings [does nothing|is greyed out], please remove my profile yourselves.
  My [father|husband|aunt] has died and we'd like the account to be closed.
  I don't want to be a customer any more, take my data off your servers.
  Deactivating isn't enough. I want the profile, the notes and the history erased.
  We shut down our business, please delete our workspace and [its users|all {n} users].
short
  delete my account
  close my account please
  remove all my data
  gdpr erasure request
  how to delete account
  erase my profile pls
  want my account gone
detail
  I know that this can't be undone.
  There is no open order.
  The subscription has ended already.
  I still get your newsletter, and I never wanted it.
  You have 30 days to answer, as far as I know.
  I've read about the recent leaks elsewhere.
  My notes are saved elsewhere.
ask
  Please confirm when it's done.
  How long will it take?
  What happens to my invoices?
  Do you need proof of who I am?
note
  Wants account + data deleted (GDPR). Sent form.
  Close account of late [husband|mother], asked for certificate.
  Duplicate account, delete older one, keep orders.
  Erasure request, explained 30 days, cust. OK.
  Business closed, remove workspace with {n} users.
hard
  I've cancelled already, but you still know my name, my card and my birthday. I don't want that.
  Stop mailing me and forget that I exist.
  I can't log in to remove myself, so you'll have to do it.
  Not just the subscription. Everything.
  What do you still keep about me after I left {ago}? It should be nothing.
  Ending {plan} was easy, but my profile is still online with my picture.
""",
    "cancel_subscription": """
core
  I [want|would like|need] to cancel my {plan} [subscription|plan|membership].
  Please [stop|end|terminate] my subscription [at the end of {month}|before it renews|today].
  How do I cancel [the {plan} plan|my membership|the free trial]? I can't find [the button|where].
  I don't [need|use] the {plan} plan any more, please don't renew it.
  Turn off the automatic renewal [of my {plan} plan|for next year], please.
  I tried to cancel {ago} but {app} still shows me as a {plan} member.
  {amount} a month is too much for me, I'd like to [quit|stop] the {plan} plan.
  Please downgrade us from {plan} to the free version.
  I [signed up|started the trial] {ago} and I want to cancel before [I have to pay|the first charge].
  We're switching to another tool, so our {plan} subscription should end [in {month}|now].
  The cancel page [asks for a reason and then hangs|sends me in circles], please do it for me.
  Consider this my notice for the {plan} plan as of the end of {month}.
  My student time is over and so is my need for {plan}. Please cancel.
  Can I pause the {plan} plan for {n} months, or else stop it?
  You raised the price of {plan}, so I'm not going to renew.
  I've cancelled in the app store, is my {plan} plan really ended?
short
  cancel {plan} please
  how do i cancel
  stop my subscription
  don't renew my plan
  end my free trial
  unsubscribe me from {plan}
  turn off auto renew
  want to quit {plan}
detail
  The next charge is due [soon|next week|on the 1st].
  I keep the account, only the paid plan goes.
  I hardly opened it since {month}.
  It's nothing personal, money is tight.
  The renewal would be {amount}.
  My team of {n} has moved on.
  I get no confirmation mail.
  The price went up again.
ask
  Please confirm by mail.
  From when on is it ended?
  Will I be charged again?
  Do I keep my notes?
  Is there a notice period?
note
  Cancel {plan} at end of {month}, confirmed by mail.
  Wants auto renewal off, keeps free account.
  Trial cancel before first charge, done.
  Price increase, customer leaves {plan}. Offered discount, declined.
  Can't find cancel button, cancelled for him.
  Downgrade {plan} to free for team of {n}.
hard
  Don't take another {amount} from my card next month. I'm done with {plan}.
  I'd like to keep my account and stop paying for it.
  Invoice {invoice} should be the last one I get from you.
  The {plan} features crash more than they help, so let it run out in {month}.
  No refund needed for the current month, but no more after that.
  Payment for the renewal was declined, and that's fine: let it lapse.
  I'm going back to paper. Thanks for {n} good years.
  Free version is enough for me from now on.
""",
    "speak_to_human": """
core
  I want to [speak|talk] to a [real person|human|human being], not a bot.
  Can somebody [call|phone|ring] me back [today|this afternoon|about {order}]?
  Please [connect|put] me [to|through to] [an agent|a colleague|your manager|the supervisor].
  Is there a phone number where I can reach [someone|you]?
  Your chatbot [doesn't understand me|goes round in circles], give me a person.
  I've written {n} times and only get automatic replies. I want to talk to someone.
  Who is [in charge|responsible] there? I'd like to make a complaint [in person|by phone].
  I'd rather explain it on the phone, when are you [open|available]?
  I was cut off while talking to your colleague {ago}, please call again.
  The automatic answer was no help, please let a [human|colleague] read my message about [{order}|{app}].
  Could I have an appointment with an adviser [about the {plan} plan|next week]?
  Nobody answers your hotline, I waited {n}0 minutes. Who can I talk to?
short
  human please
  agent
  talk to a person
  call me back please
  real person??
  is anybody there
  let me talk to your manager
  phone number?
  not a bot please
detail
  It's too complicated to write down.
  The bot sent me the same article {n} times.
  I'm at home until five.
  It's about [my refund|a delivery|a bill|my login] again.
  My English is not so good in writing.
  I've been a customer for {n} years.
  I already gave all the details {ago}.
ask
  When can I expect the call?
  Is anyone there?
  Please don't send me another link.
  Mornings are best.
note
  Asks for call back by supervisor, wouldn't say why.
  Complaint re: chatbot, wants a named contact.
  Cut off earlier, called again, transferred to [billing|tech].
  Wants to talk to manager about [{order}|a refund]. Took number.
  Second call today, insists on team lead.
hard
  My parcel, my refund, my password: your robot has an article for each and an answer for none.
  I typed everything in already. Is there any soul who can read it?
  Before I cancel, I'd like one of you to listen for five minutes.
  It's about an invoice but I won't explain it to a machine again.
  Ok. Next level please.
  Whom do I ring about {order}?
""",
}
