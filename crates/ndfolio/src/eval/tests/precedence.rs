//! Which operator binds how: Python's own reading, from its module `ast`.

use super::*;

/// Texts, and what Python reads in them with every bracket written.
const PYTHON: &[(&str, &str)] = &[
    ("-x**2", "(-(x ** 2))"),
    ("2**-1", "(2 ** (-1))"),
    ("2**-x**3", "(2 ** (-(x ** 3)))"),
    ("-2**-x", "(-(2 ** (-x)))"),
    ("a**b**c", "(a ** (b ** c))"),
    ("(a**b)**c", "((a ** b) ** c)"),
    ("~x**2", "(~(x ** 2))"),
    ("-x.T**2", "(-(x.T ** 2))"),
    ("--x", "(-(-x))"),
    ("-+~x", "(-(+(~x)))"),
    ("- -x ** - -y", "(-(-(x ** (-(-y)))))"),
    ("a*b**c*d", "((a * (b ** c)) * d)"),
    ("a*b/c//d%e", "((((a * b) / c) // d) % e)"),
    ("a/(b*c)", "(a / (b * c))"),
    ("a%b*c", "((a % b) * c)"),
    ("-a*b", "((-a) * b)"),
    ("-a%b", "((-a) % b)"),
    ("a*-b", "(a * (-b))"),
    ("a - -b", "(a - (-b))"),
    ("a+b*c", "(a + (b * c))"),
    ("(a+b)*c", "((a + b) * c)"),
    ("a-b-c", "((a - b) - c)"),
    ("a-(b-c)", "(a - (b - c))"),
    ("a-b+c", "((a - b) + c)"),
    ("a<<b+c", "(a << (b + c))"),
    ("a<<b<<c", "((a << b) << c)"),
    ("a>>b-c<<d", "((a >> (b - c)) << d)"),
    ("1<<2+x", "(1 << (2 + x))"),
    ("a&b<<c", "(a & (b << c))"),
    ("a&b&c", "((a & b) & c)"),
    ("a&~b", "(a & (~b))"),
    ("a^b&c", "(a ^ (b & c))"),
    ("a&b^c", "((a & b) ^ c)"),
    ("a^b^c", "((a ^ b) ^ c)"),
    ("a|b^c", "(a | (b ^ c))"),
    ("a^b|c", "((a ^ b) | c)"),
    ("a|b&c", "(a | (b & c))"),
    ("a|b|c", "((a | b) | c)"),
    ("a&(b|c)", "(a & (b | c))"),
    ("a<b|c", "(a < (b | c))"),
    ("a|b<c", "((a | b) < c)"),
    ("a&b==c", "((a & b) == c)"),
    ("(a&b)==c", "((a & b) == c)"),
    ("a==b+c", "(a == (b + c))"),
    ("a!=-b", "(a != (-b))"),
    ("a<=b*c", "(a <= (b * c))"),
    ("a>=b>>c", "(a >= (b >> c))"),
    ("(a<b)&(b<c)", "((a < b) & (b < c))"),
    ("(a<b)|~(c>=d)", "((a < b) | (~(c >= d)))"),
    ("(a<b)==c", "((a < b) == c)"),
    ("a<(b==c)", "(a < (b == c))"),
    ("f(x)**2", "(f(x) ** 2)"),
    ("f(-x**2,y)", "f((-(x ** 2)), y)"),
    ("x[0]**2", "(x[0] ** 2)"),
    ("x.T.real", "x.T.real"),
    ("x.mean(axis=0)**2", "(x.mean(axis=0) ** 2)"),
    ("-x.mean(axis=0)", "(-x.mean(axis=0))"),
    ("(-x).mean(axis=-1)", "(-x).mean(axis=(-1))"),
    ("(x-y).sum()", "(x - y).sum()"),
    ("x.a.b(c).d", "x.a.b(c).d"),
    ("f(g(h(x)))", "f(g(h(x)))"),
    ("f(x,axis=(0,1))", "f(x, axis=(0, 1))"),
    ("f(x,axis=(0,))", "f(x, axis=(0,))"),
    ("f(x,[1,2,3])", "f(x, [1, 2, 3])"),
    ("f(x,(),k=None)", "f(x, (), k=None)"),
    ("f(x,y=True,z=False)", "f(x, y=True, z=False)"),
    ("((((x))))", "x"),
    ("(x)", "x"),
    ("1_000+0x1f+0b101+0o17", "(((1000 + 31) + 5) + 15)"),
    ("1e-3*.5+1.", "((0.001 * 0.5) + 1.0)"),
    ("2j*x", "(2j * x)"),
    ("1_0.5e+1_0", "105000000000.0"),
    ("-1", "(-1)"),
    ("f(x,'f4')", "f(x, 'f4')"),
    (r#"f(x,dtype="<i4",)"#, "f(x, dtype='<i4')"),
    ("x.astype('f8')/2", "(x.astype('f8') / 2)"),
    ("where(isnan(a),0,a)*w", "(where(isnan(a), 0, a) * w)"),
    ("(x-mean(x,axis=0))/std(x,axis=0)", "((x - mean(x, axis=0)) / std(x, axis=0))"),
];

fn list(items: &[Expr]) -> Vec<String> {
    items.iter().map(brackets).collect()
}

fn call(arguments: &Arguments) -> String {
    let named = arguments.named.iter().map(|(name, value)| format!("{}={}", name.text, brackets(value)));
    let all: Vec<_> = list(&arguments.positional).into_iter().chain(named).collect();
    format!("({})", all.join(", "))
}

/// The tree with every bracket written, and literals as Python's `repr`.
fn brackets(expr: &Expr) -> String {
    match expr.node() {
        Node::Unary(op, operand) => format!("({}{})", op.sign(), brackets(operand)),
        Node::Binary(op, left, right) => format!("({} {} {})", brackets(left), op.sign(), brackets(right)),
        Node::Call(name, arguments) => format!("{}{}", name.text, call(arguments)),
        Node::Method(object, name, arguments) => {
            format!("{}.{}{}", brackets(object), name.text, call(arguments))
        }
        Node::Attribute(object, name) => format!("{}.{}", brackets(object), name.text),
        Node::Index(object, selection) => format!("{}[{selection}]", brackets(object)),
        Node::Tuple(items) if items.len() == 1 => format!("({},)", brackets(&items[0])),
        Node::Tuple(items) => format!("({})", list(items).join(", ")),
        Node::List(items) => format!("[{}]", list(items).join(", ")),
        _ => expr.to_string(),
    }
}

#[test]
fn operators_bind_as_in_python() {
    for (text, want) in PYTHON {
        assert_eq!(brackets(parse(text).result()), *want, "{text}");
        let printed = parse(text).to_string();
        assert_eq!(brackets(parse(&printed).result()), *want, "{text}, printed as {printed}");
    }
    assert!(PYTHON.len() >= 60);
}

#[test]
fn no_bracket_is_printed_that_is_not_needed() {
    for text in [
        "-x**2",
        "2**-x**3",
        "(-x)**2",
        "(a**b)**c",
        "a - (b - c)",
        "a - b - c",
        "a * (b + c)",
        "(a < b) & (c < d)",
        "(a < b) == c",
        "~(a | b)",
        "-x.T",
        "(-x).T",
        "(1).real",
        "(x + y)[0]",
        "f(x + y, (1,), k=[])",
        "a - -b",
        "x[()]",
        "x[..., None, ::-1]['a']",
        "2j * 1.5",
        "np.linalg.norm(x)",
        "a = 1; b = a << 2; a + b",
    ] {
        assert_eq!(parse(text).to_string(), text);
    }
}
