"""Running an experiment: what is read, recorded and kept around the team's own `train.py`."""
