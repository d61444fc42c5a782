"""`make demo`: the systems that Corral replaces, shown one after another on a system that was started for it.

Everything outside of Corral is a stand-in on this machine, each a real process: a mail server, a server of feeds, a
receiver of webhooks. Each step does what a user would do, over HTTP, and writes into the account which promise it saw
kept, with a figure.
"""
