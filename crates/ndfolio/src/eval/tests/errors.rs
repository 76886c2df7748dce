//! What is said about wrong texts.

use super::*;

/// Texts, what is wrong with them, and what the caret's line is.
const WRONG: &[(&str, &str, &str)] = &[
    ("", "character 1: expected a value, found the end of the expression", "  ^"),
    ("  \n # nothing\n", "line 3, character 1: expected a value, found the end of the expression", "  ^"),
    (
        "(x - mean(x, axis=0",
        "character 20: expected ')' to close the '(' at character 10, found the end of the expression",
        "                     ^",
    ),
    ("x +", "character 4: expected a value, found the end of the expression", "     ^"),
    ("x + * y", "character 5: expected a value, found '*'", "      ^"),
    ("2x", "character 1: '2x' is not a number; a product is written 2*x", "  ^~"),
    ("x y", "character 3: expected an operator, found 'y'", "    ^"),
    ("x)", "character 2: ')' closes nothing", "   ^"),
    ("(x]", "character 3: expected ')' to close the '(' at character 1, found ']'", "    ^"),
    ("f(x y)", "character 5: expected an operator, found 'y'", "      ^"),
    (
        "x[1",
        "character 4: expected ']' to close the '[' at character 2, found the end of the expression",
        "     ^",
    ),
    (
        "x[]",
        "character 3: expected a whole number, a slice, '...', None or a field's name in quotes, found ']'",
        "    ^",
    ),
    (
        "x[x > 0]",
        "character 3: expected a whole number, a slice, '...', None or a field's name in quotes, found 'x'; by a condition where(condition, a, b) chooses",
        "    ^",
    ),
    (
        "x[i]",
        "character 3: expected a whole number, a slice, '...', None or a field's name in quotes, found 'i'; by a condition where(condition, a, b) chooses",
        "    ^",
    ),
    ("x[1.5]", "character 3: expected a whole number, found '1.5'", "    ^~~"),
    (
        "x[1+1]",
        "character 4: expected a whole number, a slice, '...', None or a field's name in quotes, found '+'; numbers are written out",
        "     ^",
    ),
    ("x[::0]", "character 5: slice step cannot be zero", "      ^"),
    (
        "x[['a', 'b']]",
        "character 3: expected a whole number, a slice, '...', None or a field's name in quotes, found '['; neither lists nor tuples choose items",
        "    ^",
    ),
    ("x['a', 0]", "character 6: a field's name stands alone in its brackets: x['a'][0]", "       ^"),
    ("x[99999999999999999999]", "character 3: no axis has so many items", "    ^~~~~~~~~~~~~~~~~~~~"),
    (
        "0 < x < 1",
        "character 1: a chain of comparisons is ambiguous for arrays; write (0 < x) & (x < 1)",
        "  ^~~~~~~",
    ),
    (
        "x > 0 and y < 1 or z",
        "character 7: 'and' is not defined for arrays; write (x > 0) & (y < 1)",
        "        ^~~",
    ),
    ("not x == y", "character 1: 'not' is not defined for arrays; write ~(x == y)", "  ^~~"),
    ("a if c else b", "character 3: 'if' is not defined for arrays; write where(c, a, b)", "    ^~"),
    ("a if c", "character 3: 'if' is not defined for arrays; write where(c, a, b)", "    ^~"),
    ("x in y", "character 3: 'in' is not defined for arrays; write isin(a, b)", "    ^~"),
    ("x is None", "character 3: 'is' is not defined for arrays; write a == b or isnan(a)", "    ^~"),
    ("x not in y", "character 3: 'in' is not defined for arrays; write isin(a, b)", "    ^~~"),
    (
        "a @ b",
        "character 3: products of matrices are not computed yet; sums of products are: sum(a * b, axis=…)",
        "    ^",
    ),
    ("x, y", "character 2: one array is the result; a tuple stands in brackets", "   ^"),
    (
        "x = 3",
        "character 6: expected the result behind the last name; write it once more: m = …; m",
        "       ^",
    ),
    ("f(x) = 3; x", "character 6: only a name can be given a value with '='; '==' compares", "       ^"),
    ("x == 3 = y", "character 8: only a name can be given a value with '='; '==' compares", "         ^"),
    ("(x) = 1; x", "character 5: only a name can be given a value with '='; '==' compares", "      ^"),
    (
        "x; y",
        "character 1: only the last part is the result: give this one a name (m = …), or put what belongs together into brackets",
        "  ^",
    ),
    (
        "x\n+ 1",
        "line 1, character 1: only the last part is the result: give this one a name (m = …), or put what belongs together into brackets",
        "  ^",
    ),
    (
        "f(a=1, 2)",
        "character 8: a value without a name stands behind one with a name; it comes first",
        "         ^",
    ),
    ("f(a=1, a=2)", "character 8: 'a' is given twice", "         ^"),
    ("f(True=1)", "character 7: only a name can be given a value with '='; '==' compares", "        ^"),
    (
        "(x)(y)",
        "character 4: only functions and methods can be called; a product is written with '*'",
        "     ^",
    ),
    ("2(x)", "character 2: only functions and methods can be called; a product is written with '*'", "   ^"),
    (
        "x.mean()(0)",
        "character 9: only functions and methods can be called; a product is written with '*'",
        "          ^",
    ),
    ("x.", "character 3: expected a name behind '.', found the end of the expression", "    ^"),
    ("x.if", "character 3: expected a name behind '.', found 'if'", "    ^~"),
    ("np", "character 1: 'np' stands for NumPy; expected a name of it, such as np.pi", "  ^~"),
    ("np = 1; np", "character 1: 'np' stands for NumPy; expected a name of it, such as np.pi", "  ^~"),
    (
        "np.foo",
        "character 1: 'np.foo' is neither a constant nor a dtype; functions are called: np.sqrt(x)",
        "  ^~~~~~",
    ),
    (
        "np.sqrt",
        "character 1: 'np.sqrt' is neither a constant nor a dtype; functions are called: np.sqrt(x)",
        "  ^~~~~~~",
    ),
    ("'abc", "character 1: text without its closing quote", "  ^~~~"),
    ("'a\\q'", "character 1: unknown escape \\q", "  ^~~~~"),
    ("a && b", "character 3: '&&' is not written here; write &", "    ^~"),
    ("!x", "character 1: '!' is not written here; write ~", "  ^"),
    ("x² + 1", "character 2: '²' is not written here; write **2", "   ^"),
    ("x − 1", "character 3: '−' is not written here; write -", "    ^"),
    ("a ? b : c", "character 3: '?' has no meaning here", "    ^"),
    ("007", "character 1: a number with leading zeros; octal ones are written 0o17", "  ^~~"),
    ("1e999", "character 1: '1e999' is too large for a float64; infinity is inf", "  ^~~~~"),
    (
        "99999999999999999999999999999999999999999999",
        "character 1: a whole number beyond 128 bits; no dtype holds it, a float is written 1e40",
        "  ^~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~",
    ),
    ("lambda x: x", "character 1: 'lambda' is a word of Python's; expected a value", "  ^~~~~~"),
    (
        "[x for x in y]",
        "character 4: 'for' is not defined for arrays; write an expression of whole arrays",
        "     ^~~",
    ),
    ("{1: 2}", "character 1: '{' has no meaning here", "  ^"),
    ("...", "character 1: '...' stands in an index only: x[..., 0]", "  ^~~"),
    ("x ** ", "character 6: expected a value, found the end of the expression", "       ^"),
    ("é + 値 $ 3", "character 7: '$' has no meaning here", "        ^"),
    (
        "m = mean(x)\ns = std(x,\n  ddof=)\nx",
        "line 3, character 8: expected a value, found ')'",
        "         ^",
    ),
    (
        "x[0, 'a']",
        "character 6: expected a whole number, a slice, '...', None or a field's name in quotes, found text; a field's name stands alone in its brackets",
        "       ^~~",
    ),
    (
        "x[(0, 1)]",
        "character 4: expected a whole number, a slice, '...', None or a field's name in quotes, found '0'; numbers are written out",
        "     ^",
    ),
    (
        "x[np.pi]",
        "character 3: expected a whole number, a slice, '...', None or a field's name in quotes",
        "    ^~~~~",
    ),
    ("x[-]", "character 4: expected a whole number, found ']'", "     ^"),
    ("f(*x)", "character 3: expected a value, found '*'", "    ^"),
    ("if x", "character 1: 'if' is a word of Python's; expected a value", "  ^~"),
    ("x = y = 3; x", "character 7: '=' gives a name a value; '==' compares", "        ^"),
    ("x := 3", "character 3: ':=' is not written here; write =", "    ^~"),
    ("f(x))", "character 5: ')' closes nothing", "      ^"),
    ("x <> y", "character 3: '<>' is not written here; write !=", "    ^~"),
    ("x\u{1b}[31m", "character 2: '\\u{1b}' has no meaning here", "   ^"),
    ("\tx +* y", "character 5: expected a value, found '*'", "      ^"),
    (
        "1 if x > 0 and y else 2",
        "character 3: 'if' is not defined for arrays; write where(c, a, b)",
        "    ^~",
    ),
    (
        "f(",
        "character 3: expected ')' to close the '(' at character 2, found the end of the expression",
        "    ^",
    ),
    (
        "f(x,",
        "character 5: expected ')' to close the '(' at character 2, found the end of the expression",
        "      ^",
    ),
    ("x..T", "character 3: expected a name behind '.', found '.'", "    ^"),
    ("1..T.", "character 6: expected a name behind '.', found the end of the expression", "       ^"),
    (
        "x[np]",
        "character 3: expected a whole number, a slice, '...', None or a field's name in quotes",
        "    ^~",
    ),
    (
        "x = 1",
        "character 6: expected the result behind the last name; write it once more: m = …; m",
        "       ^",
    ),
    ("x.T = 1; x", "character 5: only a name can be given a value with '='; '==' compares", "      ^"),
];

#[test]
fn errors_say_where_and_what_to_write() {
    for (text, what, caret) in WRONG {
        let found = refusal(text);
        let lines: Vec<_> = found.lines().collect();
        assert_eq!(lines.len(), 3, "{found}");
        assert_eq!((lines[0], lines[2]), (format!("in the expression, at {what}").as_str(), *caret));
    }
}

#[test]
fn the_line_of_the_place_is_shown() {
    let want = "in the expression, at character 20: expected ')' to close the '(' at character 10, found the end of \
                the expression\n  (x - mean(x, axis=0\n                     ^";
    assert_eq!(refusal("(x - mean(x, axis=0"), want);
    let want =
        "in the expression, at line 3, character 8: expected a value, found ')'\n    ddof=)\n         ^";
    assert_eq!(refusal("m = mean(x)\ns = std(x,\n  ddof=)\nx"), want);
    // Of a long line the part around the place; what a terminal would act upon is blank.
    let long = format!("{} $ {}", "x +\t".repeat(60), "+ y".repeat(60));
    let found = refusal(&long);
    let lines: Vec<Vec<char>> = found.lines().map(|line| line.chars().collect()).collect();
    assert!(lines[1].len() < 110 && lines[1].starts_with(&[' ', ' ', '…']) && lines[1].ends_with(&['…']));
    let caret = lines[2].iter().position(|c| *c == '^').unwrap();
    assert_eq!(lines[1][caret], '$');
    assert!(!found.contains('\t'));
}
