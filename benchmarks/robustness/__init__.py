"""Do gates and resuming hold under repetition and random kills?"""
