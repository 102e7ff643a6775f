"""What runs: admission, assessment, projection, the command line. The only importer of faust."""
