"""The rules of a workspace, one class per permanent ID, and the doctor of the machine."""
