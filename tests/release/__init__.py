"""What a release is made of, built from a commit: packages, chart, images, SBOMs and checksums.

Everything is a function of the commit, so that anyone can build it again and compare the bytes. It
does not publish: docs/releasing.md describes how a release is made.
"""
