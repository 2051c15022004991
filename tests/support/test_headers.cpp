// Nothing of its own: the target that owns the precompiled header of the tests.
