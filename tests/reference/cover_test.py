"""That the chosen cases have every pair of values that all cases have, and that check() would say so if they had not."""
import itertools
import random
import unittest

import cover


def made_up(seed: int) -> list[cover.Facts]:
    """Cases of one to three datasets with four factors of two to six values."""
    rng = random.Random(seed)
    counts = [rng.randint(2, 6) for _ in range(4)]

    def row():
        return frozenset((f"factor {i}", f"value {rng.randrange(count)}") for i, count in enumerate(counts))
    families = ["types", "storage", "layouts", "corner"]
    return [cover.Facts(f"{rng.choice(families)}/{i}", {row() for _ in range(rng.randint(1, 3))}, rng.randint(1, 9))
            for i in range(120)]


def together(cases, size: int) -> set:
    """Every `size` values that stand in one row."""
    return {values for case in cases for row in case.rows for values in itertools.combinations(sorted(row), size)}


class CoverTest(unittest.TestCase):
    def test_nothing_is_lost(self):
        for seed in range(10):
            cases = made_up(seed)
            chosen = cover.choose(cases)
            for suite in cover.SUITES:
                whole = [case for case in cases if suite in cover.suites_of(case.name)]
                taken = [case for case in whole if suite in chosen[case.name]]
                size = 2 if suite == cover.DEFAULT else 1
                self.assertEqual(together(taken, size), together(whole, size), suite)
            for case in cases:
                self.assertLessEqual(set(chosen[case.name]), set(cover.suites_of(case.name)))
                self.assertTrue(case.name.startswith("types/") or "OracleOneLook" not in chosen[case.name])
                self.assertTrue(cover.DEFAULT in chosen[case.name] or not case.name.startswith("corner/"))

    def test_much_is_left_out(self):
        cases = [cover.Facts(f"types/{numbers}", {frozenset((f"factor {i}", str(x)) for i, x in enumerate(numbers))}, 1)
                 for numbers in itertools.product(range(3), repeat=4)]
        chosen = cover.choose(cases)
        default = [name for name, suites in chosen.items() if cover.DEFAULT in suites]
        self.assertLess(len(default), 20)  # of 81; nine would do
        self.assertEqual(sum("OracleFast" in suites for suites in chosen.values()), 3)

    def test_a_lost_pair_and_a_lost_corner_are_seen(self):
        cases = made_up(3)
        chosen = cover.choose(cases)
        cover.check(cases, chosen)
        for suite in cover.SUITES:
            name = next(x for x in ("types/needed", "classification/needed") if suite in cover.suites_of(x))
            needed = cover.Facts(name, {frozenset([("factor 0", "only here"), ("factor 1", "value 0")])}, 1)
            with self.subTest(suite=suite), self.assertRaisesRegex(ValueError, f"{suite} lacks factor . only here"):
                cover.check([*cases, needed], {**chosen, needed.name: [x for x in cover.SUITES if x != suite]})
        corner = cover.Facts("corner/other", set(cases[0].rows), 1)
        with self.assertRaisesRegex(ValueError, "Oracle lacks corner/other"):
            cover.check([*cases, corner], {**chosen, corner.name: []})

    def test_a_pair_of_two_cases_is_no_pair(self):
        a, b, c, d = ("type", "a"), ("type", "b"), ("storage", "c"), ("storage", "d")
        cases = [cover.Facts(f"types/{i}", {frozenset(row)}, 1) for i, row in enumerate([(a, c), (b, d), (a, d)])]
        self.assertTrue(all(cover.DEFAULT in suites for suites in cover.choose(cases).values()))


if __name__ == "__main__":
    unittest.main()
