"""The account of the SES simulator: identities, rate, suppression list, and the journal of accepted mails."""
