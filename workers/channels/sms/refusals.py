"""What SNS and AWS End User Messaging refuse alike. Pure data."""

from notifier.outcomes import Blocked, NotSent
from workers.channels.aws.refusals import Refusal

MISSING = Refusal(Blocked, "check the region and the endpoint: SMS is not offered in every region")
SPENT = Refusal(Blocked, "ask AWS for a higher limit of SMS or of spending, or wait for the next month")
SANDBOX = Refusal(NotSent, "in the SMS sandbox each number has to be verified first: ask AWS to leave it")
