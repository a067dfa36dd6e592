"""Every block of every page is run, parsed or drawn, and what it shows is what happens."""
