"""Crawl web sites: what a page says, where it may go, how hosts are treated, what is kept, in files of their own."""
