"""The truth about a team at one moment, as one JSON object that every report is made from."""
