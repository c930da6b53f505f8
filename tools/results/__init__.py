"""Parts of tools/compress_results.py: data sets, networks, their training, the method to compare with, the report."""
