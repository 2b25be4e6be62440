"""English phrases about orders: refunds, late parcels, addresses, products."""

from typing import Final

ORDERS_EN: Final = {
    "refund_request": """
core
  I'd like [a refund|my money back|a full refund] for the {product} I [bought|ordered] {ago}.
  Please refund order {order}, the {product} [is not what I expected|arrived scratched|is too small].
  I [sent|posted] the {product} back {ago} and [haven't seen|have not received] [the money|a cent] yet.
  The {gadget} [broke|stopped charging|fell apart] after {span}, so I want [the {amount}|it all] back.
  Can I return the {product}? [It's unopened|I only opened the box] and I'd rather have the money.
  You [offered|promised] me a refund of {amount} {ago} but [nothing has arrived|my bank shows nothing].
  You charged me [twice|two times] for order {order}, please [give back|return] the second {amount}.
  My return was [signed for|delivered to your warehouse] {ago}. How long until I'm [repaid|refunded]?
  I'm not happy with the {product} and want to [send it back|return it within the 30 days].
  The {plan} plan renewed {ago} although nobody here uses it. Could you reimburse the {amount}?
  I got a voucher for the returned {product}, but I paid by card and want it back on the card.
  You refunded {amount} only. The {product} cost more than that, where is the rest?
  I returned two items from {order} and only one was [credited|refunded].
  According to your [policy|terms] I have 30 days to return things, so please take back the {product}.
  Wrong colour {product}, I don't want an exchange, [just the money|I want to be paid back].
  I accidentally bought [two|the yearly plan|the {plan} plan] and would like the {amount} back, please.
  Since the {product} is out of stock now, please give me my {amount} back.
  How do I get a return label for the {product}? It [is too big|is not for me|came too late] and has to go.
short
  refund please
  want my money back for {order}
  where's my refund??
  refund for the {product}
  how do i return a {product}
  still no money back
  [pls|please] refund {amount}
  return label for {order}?
  I want to return this {product}
detail
  I kept the box and all the accessories.
  It's been {days} since the return was scanned.
  My bank says there is no pending credit from you.
  The courier's receipt says {since}.
  I paid with [a credit card|PayPal|my debit card], if that matters.
  I have photos of the damage.
  The colleague I wrote to {ago} said it takes 5 to 10 working days.
  I've already bought another one from somebody else.
  The charge on my statement is {amount}.
  An exchange is no use to me.
ask
  When will the money be on my account?
  Please confirm the amount you'll pay back.
  How long does this normally take?
  Do I have to pay for the postage?
  Kindly process this quickly.
  Let me know where to send it.
note
  Caller wants refund for {product}, order {order}. Says return was posted {ago}.
  Refund {amount} not seen on statement. Promised to check with [finance|accounts].
  Cust. unhappy w/ {product}, wants money back not exchange.
  Asked how to return {product}, told her 30 day policy, return label to be emailed.
  Double charge on {order}, wants second {amount} returned.
  Customer returned goods {ago}, no credit so far, [quite angry|polite|will call again Friday].
  Renewal of {plan} charged by mistake, requests reimbursement.
hard
  The parcel finally turned up {days} late. I don't need it any more and you can have it back.
  I cancelled {ago} and you still took {amount}. That has to be put right.
  Your invoice {invoice} shows a credit of {amount} that never reached me.
  The app doesn't do what the shop page says. I [paid|gave you] {amount} for nothing and want it undone.
  Order {order} was never delivered, so [pay me back|I expect to be paid back] and we forget about it.
  You took the {amount} twice because the first payment "failed". One of them is mine.
  30 days are not over yet and it's still in its box. What next?
  It's going back. Tell me how.
""",
    "delivery_late": """
core
  My {product} was [supposed|meant|due] to arrive {ago} and [there is no sign of it|it isn't here].
  Where is order {order}? The tracking [hasn't moved|has been stuck|shows nothing new] for {days}.
  I've been waiting {days} for the {product}.
  {carrier} says [the parcel is on its way|"out for delivery"] since {since} but nobody [came|rang].
  It's been {days} since I got the shipping mail, and still no {product}.
  The website promised delivery within {span}. That was {ago}.
  Tracking says delivered, but there is nothing [at my door|with the neighbours|in the mailroom].
  Has order {order} even left your warehouse?
  I paid extra for express and [it still isn't here|we're now at {days}].
  Can you find out from {carrier} where my package is?
  Half of order {order} arrived. The {product} is still missing.
  My parcel seems lost: last scan was {ago} [at a depot|in another town].
  When [will|does] the {product} ship? It says "preparing" since {since}.
  I need the {product} [for a birthday|before my trip|for work] and it should have come {ago}.
  The delivery date for {order} keeps moving, first it was {since}, now it says next week.
  The {product} was shipped {ago} and according to {carrier} they never received it from you.
  Any idea when order {order} will get here?
short
  where is my parcel
  order {order} not here yet
  still waiting for my {product}
  tracking stuck for {days}
  when does {order} arrive?
  parcel is late again
  nothing delivered so far
  [any|got] news on {order}?
  package lost??
detail
  The tracking number you sent isn't recognised by {carrier}.
  I stayed at home the whole day for it.
  The neighbours haven't got it either.
  Other orders took two days.
  It was meant to be a present.
  {carrier} told me to ask the sender.
  The payment went through at once, by the way.
  I checked the address and it's correct.
  The last status is "handed to carrier".
  If it's lost, please send a new one.
ask
  Could you check with the courier?
  Please tell me a realistic date.
  When can I expect it?
  Can you send a replacement?
  What's going on?
  Do you have a tracking link that works?
note
  Parcel for {order} not arrived, {days} overdue. Opened trace with {carrier}.
  Caller asking where {product} is, tracking shows no scan since {since}.
  Cust. waited at home, {carrier} didn't show up. Wants new date.
  Partial delivery: {product} missing from {order}.
  Says tracking = delivered but nothing there. Will ask neighbours and call back.
  Express order still not shipped, customer needs it before [a trip|the weekend].
  Wants to know when {product} ships, told her backlog at warehouse.
hard
  I bought a {product} for my sister's wedding. The wedding is over. Guess what's not here.
  If it does not come this week I'll want my money back, but first tell me where it is.
  Did you send it to my old address perhaps? It's {days} overdue.
  Nobody at the courier picks up the phone. I'm told to speak to you about {order}.
  The payment for {order} went through {ago} and since then silence.
  Your status page shows an error for {order}, and the driver never came.
  I ordered, I paid, I waited. And waited.
  My account says {order} is complete. It most certainly is not.
""",
    "change_address": """
core
  I [moved|have moved house|changed flats] {ago}, please [update|change] my [delivery|shipping] address.
  Can you send order {order} to [my office|another address|my parents' place] instead?
  I entered the wrong [house number|street|postcode|zip code] for order {order}.
  How do I change the address in my [account|profile]? The old one is still [the default|in there].
  Please deliver the {product} to a [different|new] address, we're [on holiday|moving] [soon|next week].
  The address on order {order} is [my old one|out of date|missing the flat number].
  We're moving our office [next month|at the end of {month}], so the shipping address has to change.
  I'd like to add a second delivery address for [work|my mother|our warehouse].
  I can't edit the address of {order} any more. Could somebody [do that|correct it] for me?
  Autofill put my [previous|parents'] address on the order, please ship it to [my home|the billing one].
  The form doesn't accept my new postcode, could you put it in by hand?
  Please redirect the {product} to a pickup point, nobody will be at home.
  I live somewhere else now. Please make sure that {order} doesn't go to the old flat.
  My street has been renamed by the council, the address you have is no longer valid.
  Our company moved. New shipping address to be used for everything from {month} on.
short
  wrong address on {order}
  change delivery address please
  i moved, new address
  need to update my address
  ship {order} to my office
  address typo in {order}
  how to change address?
  can the parcel go elsewhere?
detail
  It hasn't shipped yet according to the site.
  The old flat is empty, so nobody can sign for it.
  Only the house number is wrong.
  The billing address can stay as it is.
  The save button in my profile stays grey.
  I'm leaving the old place at the end of {month}.
  I noticed it right after paying.
  {carrier} can't redirect it, they say only the sender can.
ask
  Is that still possible?
  Please confirm before you send it.
  What do you need from me?
  Can you update it on your side?
  Will it cost anything?
note
  Customer moved, new shipping address to be sent by mail. Order {order} not shipped yet.
  Wrong house number on {order}, asked warehouse to hold.
  Wants {product} delivered to office instead of home.
  Called to change address before dispatch, caught in time.
  Company relocation end of {month}, update all addresses on account.
  Old address still default in profile, cust. can't change it.
hard
  The parcel isn't late yet, but it's heading for a house I no longer live in.
  Don't send it home, I'll be at my brother's until the end of {month}.
  The bill may go where it always goes. The box please not.
  {carrier} is about to deliver order {order} to the wrong town. My mistake, can you stop them?
  I tried to fix it in my account and it won't save: new flat, same name, order {order}.
  We've got new premises since {since}. The {product} should come here.
""",
    "product_question": """
core
  Does the {gadget} work with [an iPad|{device}|a Mac|Linux|Android tablets]?
  [What is|What's] the difference between the {tablet} and the [older model|cheaper one|Pro version]?
  How long does the battery of the {gadget} last?
  Is the {product} [waterproof|available in {colour}|compatible with the Burr dock]?
  Before I buy the {plan} plan: how many [devices|people|notebooks] does it [include|cover]?
  Can I [use|read] {app} offline with the {plan} plan?
  When will the {product} be back in stock[ in {colour}|]?
  What's in the box of the {gadget}, does it come with [a charger|a cable|spare tips]?
  How much does it cost to go from the free version to {plan}?
  Do you offer [a student discount|prices for schools|volume pricing] on the {product}?
  I'm [thinking about|considering] a {tablet}. Is the screen [readable in the sun|lit at night]?
  How big are the files that {app} can [sync|hold] on the {plan} plan?
  What warranty do I get on the {product}?
  Does {app} [export to PDF|import from other note apps|have a dark mode] already?
  Which [cable|tips|adapter] do I need for the {product}?
  Is there a trial [period|version] of the {plan} plan?
  Can two people share one {plan} subscription?
  Do you ship the {product} to [Norway|Ireland|Canada|islands]?
short
  does the {gadget} have bluetooth
  is {product} waterproof?
  {product} in {colour}?
  how many devices on {plan}
  what does the {plan} plan cost
  {product} back in stock when?
  does it work on {device}
  any student discount?
detail
  I couldn't find it on the product page.
  I'm comparing it with another brand.
  I already own the Burr dock.
  I take notes in lectures mostly.
  The reviews say different things.
  It would be for a team of {n}.
  I'd order today if so.
  My current one is an older {tablet}.
ask
  Thanks for any advice.
  Which one would you recommend?
  Is there a manual I can read?
  Could you tell me the exact size?
  Would it suit me?
note
  Asked whether {gadget} works with {device}. Said yes, sent spec sheet.
  Pre-sales: {plan} plan for team of {n}, wants price list.
  Question about {gadget} battery and warranty, thinking it over.
  When is {product} in {colour} back in stock? Put on waiting list.
  Wanted to know difference between the free version and {plan}.
  Teacher, asked about discount for {n} tablets.
hard
  If I cancel {plan} later, do I keep the notes I've made? Asking before I sign up.
  How quickly do you deliver? I might order a {product} this week.
  Would a refund be possible if the {product} does not suit me? Haven't bought yet.
  Can I pay by invoice for a {product}, or cards only?
  My daughter wants the {product}. Is it any good for left-handers?
  I get no sound from other brands' docks. Would yours be better with {device}?
  Do I need an account to use the {tablet} at all?
  Sleeve for the new tablet: same as for the old one or not?
""",
}
