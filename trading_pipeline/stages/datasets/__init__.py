"""Stages of users' files.

Read `profiles` (the stage) first, then `judgement` (what a check would block) and `registration`
(how a file becomes an instrument); `seen` tells whether a file was worked on before. Reading and
profiling files is in `trading_pipeline.datasets`.
"""
