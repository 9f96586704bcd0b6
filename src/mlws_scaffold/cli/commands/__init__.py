"""One file per noun or verb of `mlws`; each is imported only when its command is called."""
