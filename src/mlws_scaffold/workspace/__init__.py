"""What a workspace is: paths, configuration, names, people. Reads its own file, runs nothing."""
