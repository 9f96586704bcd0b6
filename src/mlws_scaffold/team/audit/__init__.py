"""The audit: licences, cards, approvals, open findings."""
