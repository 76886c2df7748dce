//! What is printed is read as the same tree.

use ndfolio_layout::{Index, Slice};
use proptest::{collection::vec, option, prelude::*, sample::select};

use super::*;

fn name() -> impl Strategy<Value = Name> {
    let text = select(vec!["x", "y", "_a1", "größe", "値", "pi", "linalg", "sum", "T"]);
    text.prop_map(|text| Name { text: text.to_owned(), span: Span::default() })
}

fn number() -> impl Strategy<Value = Number> {
    let float = any::<f64>().prop_filter("finite", |x| x.is_finite()).prop_map(f64::abs);
    prop_oneof![
        (0..=i128::MAX).prop_map(Number::Int),
        (0..10_i128).prop_map(Number::Int),
        float.clone().prop_map(Number::Float),
        (0..10_u8).prop_map(|n| Number::Imaginary(f64::from(n))),
        float.prop_map(Number::Imaginary),
    ]
}

fn part() -> impl Strategy<Value = Index> {
    let step = option::of(any::<i64>().prop_filter("no step of zero", |step| *step != 0));
    prop_oneof![
        any::<i64>().prop_map(Index::At),
        Just(Index::Ellipsis),
        Just(Index::NewAxis),
        (option::of(any::<i64>()), option::of(-9..9_i64), step)
            .prop_map(|(start, stop, step)| Index::Slice(Slice { start, stop, step })),
    ]
}

fn leaf() -> impl Strategy<Value = Node> {
    prop_oneof![
        number().prop_map(Node::Number),
        any::<bool>().prop_map(Node::Bool),
        Just(Node::None),
        any::<String>().prop_map(Node::Text),
        select(Constant::ALL).prop_map(Node::Constant),
        select(vec!["float32", "int", "bool_"]).prop_map(|name| Node::Type(name.to_owned())),
        name().prop_map(|name| Node::Name(name.text)),
    ]
}

fn arguments(expr: impl Strategy<Value = Expr> + Clone) -> impl Strategy<Value = Arguments> {
    (vec(expr.clone(), 0..3), vec((name(), expr), 0..3)).prop_map(|(positional, mut named)| {
        named.sort_by(|a, b| a.0.text.cmp(&b.0.text));
        named.dedup_by(|a, b| a.0 == b.0);
        Arguments { positional, named }
    })
}

fn function() -> impl Strategy<Value = Name> {
    prop_oneof![name(), Just(Name { text: "linalg.norm".to_owned(), span: Span::default() })]
}

fn expr() -> impl Strategy<Value = Expr> {
    let at = |node| Expr::new(Span::default(), node);
    leaf().prop_map(at).prop_recursive(8, 40, 4, move |inner| {
        let one = || inner.clone().prop_map(Box::new);
        let list = || vec(inner.clone(), 0..4);
        let selection = vec(part(), 0..4).prop_map(ndfolio_layout::Selection::from);
        prop_oneof![
            2 => (select(UnaryOp::ALL), one()).prop_map(|(op, operand)| Node::Unary(op, operand)),
            8 => (select(BinaryOp::ALL), one(), one()).prop_map(|(op, a, b)| Node::Binary(op, a, b)),
            1 => (function(), arguments(inner.clone())).prop_map(|(name, given)| Node::Call(name, given)),
            1 => (one(), name(), arguments(inner.clone())).prop_map(|(on, name, given)| Node::Method(on, name, given)),
            1 => (one(), name()).prop_map(|(object, name)| Node::Attribute(object, name)),
            1 => (one(), selection).prop_map(|(object, selection)| Node::Index(object, selection)),
            1 => (one(), any::<String>()).prop_map(|(object, name)| Node::Field(object, name)),
            1 => list().prop_map(Node::Tuple),
            1 => list().prop_map(Node::List),
        ]
        .prop_map(at)
    })
}

proptest! {
    #[test]
    fn what_is_printed_is_read(
        bound in vec((name(), expr()), 0..3),
        result in expr(),
    ) {
        let bindings = bound.into_iter().map(|(name, value)| Binding { name, value }).collect();
        let program = Program { text: String::new(), bindings, result };
        let text = program.to_string();
        let again = Program::parse(&text).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(&again, &program, "{}", text);
        prop_assert_eq!(again.to_string(), text);
    }

    /// Any text, and text of the language's words in any order.
    #[test]
    fn nothing_panics(text in any::<String>(), words in vec(select(WORDS), 0..30)) {
        for text in [text, words.concat(), words.join(" ")] {
            match Program::parse(&text) {
                Ok(program) => prop_assert_eq!(Program::parse(&program.to_string()).unwrap(), program),
                Err(error) => prop_assert!(error.to_string().contains("\n  ")),
            }
        }
    }
}

const WORDS: &[&str] = &[
    "x", "np", ".", "pi", "(", ")", "(", ")", "[", "]", ",", ":", "...", "1", "2.5", "1e", "0x", "'f'", "'",
    "é", "=", "==", "<", "-", "~", "+", "**", "*", "and", "not", "if", "else", "None", "\n", "#", ";", "\\",
    "\r\n", "for", "@", "!",
];
