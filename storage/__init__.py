"""The only place with SQL. ``tables`` says what is kept, ``database`` opens it, the rest are queries by subject.

Every query takes the connection of a transaction that its caller holds: what belongs together is written
together.
"""
