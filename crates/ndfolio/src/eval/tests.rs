mod errors;
mod functions;
mod precedence;
mod round_trip;

use ndfolio_layout::Selection;

use super::*;

fn parse(text: &str) -> Program {
    Program::parse(text).unwrap_or_else(|error| panic!("{text}\n{error}"))
}

fn node(text: &str) -> Node {
    parse(text).result().node().clone()
}

/// What is wrong with a text, in full.
fn refusal(text: &str) -> String {
    match Program::parse(text) {
        Ok(program) => panic!("{text:?} is read as {program}"),
        Err(error) => error.to_string(),
    }
}

fn names(program: &Program) -> Vec<String> {
    program.free_names().map(|name| name.text).collect()
}

#[test]
fn numbers() {
    let int = |n| Node::Number(Number::Int(n));
    let float = |x| Node::Number(Number::Float(x));
    for (text, want) in [
        ("0", int(0)),
        ("00", int(0)),
        ("1_000", int(1000)),
        ("0x1F", int(31)),
        ("0X_1f", int(31)),
        ("0b101", int(5)),
        ("0o17", int(15)),
        ("170141183460469231731687303715884105727", int(i128::MAX)),
        ("1.", float(1.0)),
        (".5", float(0.5)),
        ("1e3", float(1000.0)),
        ("1E-3", float(1e-3)),
        ("1_0.2_5e+0_1", float(102.5)),
        ("01.5", float(1.5)),
        ("1e-999", float(0.0)),
        ("2j", Node::Number(Number::Imaginary(2.0))),
        ("01J", Node::Number(Number::Imaginary(1.0))),
        ("1.5e2j", Node::Number(Number::Imaginary(150.0))),
    ] {
        assert_eq!(node(text), want, "{text}");
    }
    for text in [
        "007", "1__0", "1_", "0x", "0xg", "0b2", "0o8", "0x1__0", "0x1_", "1_.5", "1._5", "1e", "1e_5",
        "0b1j", "1.5.5",
    ] {
        assert!(Program::parse(text).is_err(), "{text}");
    }
    assert_eq!(parse("--3").result().as_int(), Some(3));
    assert_eq!(parse("-(+3)").result().as_int(), Some(-3));
    assert_eq!(parse("3.0").result().as_int(), None);
}

#[test]
fn text_in_quotes() {
    for (text, want) in
        [("'f4'", "f4"), ("\"it's\"", "it's"), (r"'a\'b\\\n\x41é'", "a'b\\\nAé"), ("''", ""), ("'#;'", "#;")]
    {
        assert_eq!(node(text), Node::Text(want.to_owned()), "{text}");
    }
}

#[test]
fn indices() {
    let index = |text: &str| match node(text) {
        Node::Index(_, selection) => selection,
        other => panic!("{text}: {other:?}"),
    };
    for part in
        ["0", "-1", "1:", ":-1", "::2", "::-2", "1:2:3", ":", "...", "None", "0, ..., None, :-3:-1", "0x10"]
    {
        let want: Selection = part.replace("0x10", "16").parse().unwrap();
        assert_eq!(index(&format!("x[{part}]")), want, "{part}");
        assert_eq!(index(&format!("x[ {part} , ]")), want, "{part}");
    }
    assert_eq!(index("x[np.newaxis, newaxis, numpy . newaxis]"), "None, None, None".parse().unwrap());
    assert_eq!(index("x[+1 : - 1]"), "1:-1".parse().unwrap());
    assert_eq!(index("x[()]"), Selection::all());
    assert_eq!(index("x[0][1:]"), "1:".parse().unwrap());
    assert_eq!(index("x[\n 0, # the first\n :]"), "0, :".parse().unwrap());
    match node("x['a b']['c'][0].T") {
        Node::Attribute(object, name) => {
            assert_eq!((name.text.as_str(), object.to_string().as_str()), ("T", "x['a b']['c'][0]"));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn numpy_before_names() {
    assert_eq!(node("np.sqrt(x)"), node("sqrt(x)"));
    assert_eq!(node("numpy . sqrt(x)"), node("sqrt(x)"));
    assert_eq!(node("np.pi"), Node::Constant(Constant::Pi));
    assert_eq!(node("np.newaxis"), Node::None);
    assert_eq!(node("np.float32"), Node::Type("float32".to_owned()));
    assert_eq!(node("np.bool"), Node::Type("bool".to_owned()));
    assert_eq!(node("pi"), Node::Name("pi".to_owned()));
    match node("np.linalg.norm(x)") {
        Node::Call(name, _) => {
            assert_eq!((name.text.as_str(), name.span), ("linalg.norm", Span { start: 0, end: 14 }));
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(node("np.pi.real"), Node::Attribute(..)));
    assert!(Constant::ALL.iter().all(|constant| Constant::find(constant.name()) == Some(*constant)));
    assert!(Constant::ALL.iter().all(|constant| constant.value() > 0.5 || *constant == Constant::Nan));
}

#[test]
fn arguments() {
    let Node::Call(_, found) = node("f(x, 1, axis=(0, 1), dtype='f4',)") else { panic!() };
    assert_eq!(found.positional, [parse("x").result().clone(), parse("1").result().clone()]);
    let named: Vec<_> = found.named.iter().map(|(name, value)| format!("{}={value}", name.text)).collect();
    assert_eq!(named, ["axis=(0, 1)", "dtype='f4'"]);
    let Node::Method(object, name, found) = node("x.mean()") else { panic!() };
    assert_eq!((object.to_string().as_str(), name.text.as_str(), found), ("x", "mean", Arguments::default()));
}

#[test]
fn bindings_lines_and_comments() {
    let text = "# centred\nm = mean(x,\n   axis=0)  # of columns\n\ns = std(x, \\\n axis=0); \n(x - m) / s\n";
    let program = parse(text);
    let bound: Vec<_> = program.bindings().iter().map(|b| b.name.text.as_str()).collect();
    assert_eq!(bound, ["m", "s"]);
    assert_eq!(program.to_string(), "m = mean(x, axis=0); s = std(x, axis=0); (x - m) / s");
    assert_eq!(names(&program), ["x"]);
    assert_eq!(parse("x = 2; x = x + y; x").to_string(), "x = 2; x = x + y; x");
    assert_eq!(names(&parse("x = x + y; y = x; x * y * z")), ["x", "y", "z"]);
    assert_eq!(parse("größe_1 * 値").free_names().count(), 2);
}

#[test]
fn spans_are_where_things_stand() {
    let text = "é + (b - c) * f(x, k=1)[0]";
    let program = parse(text);
    let slice = |expr: &Expr| text[expr.span().start..expr.span().end].to_owned();
    assert_eq!(slice(program.result()), text);
    let right = program.result().children()[1];
    assert_eq!(slice(right), "(b - c) * f(x, k=1)[0]");
    assert_eq!(slice(right.children()[0]), "(b - c)");
    let call = right.children()[1].children()[0];
    assert_eq!(slice(call), "f(x, k=1)");
    assert_eq!(call.children().into_iter().map(slice).collect::<Vec<_>>(), ["x", "1"]);
    assert_eq!(program.error(call.span(), "no").span(), call.span());
    assert_eq!((program.text(), program.error(call.span(), "no").message()), (text, "no"));
}

#[test]
fn names_are_resolved() {
    let resolved = |text: &str, given: &[&str]| parse(text).resolve(given).unwrap().result().to_string();
    assert_eq!(resolved("x * pi", &["x"]), "x * np.pi");
    assert_eq!(resolved("x * pi", &["x", "pi"]), "x * pi");
    assert_eq!(resolved("e = x + e; e + inf", &["x"]), "e + np.inf");
    assert_eq!(
        resolved("f(x.astype(float), newaxis, dtype=int)", &["x"]),
        "f(x.astype(np.float), None, dtype=np.int)"
    );
    assert_eq!(parse("e = x + e; e").resolve(&["x"]).unwrap().bindings()[0].value.to_string(), "x + np.e");
    assert_eq!(parse("x + 1; ").unused(&["x", "w", "pi"]), ["w", "pi"]);
    assert!(parse("x = 1; x").unused(&["x"]) == ["x"]);
    for (given, want) in [
        (&["x", "w"][..], "there is no array 'y'; given are x, w; add y=FILE"),
        (&["w"], "there is no array 'x'; given is w; add x=FILE"),
        (&[], "there is no array 'x'; none is given; add x=FILE"),
    ] {
        let error = parse("x + y").resolve(given).unwrap_err();
        assert_eq!(error.message(), want);
    }
    assert_eq!(
        unknown_name("function", "sqr", ["sqrt", "sum"]),
        "there is no function 'sqr'; did you mean 'sqrt'?"
    );
    assert_eq!(unknown_name("function", "foo", ["sqrt", "sum"]), "there is no function 'foo'");
    for name in ["x", "_", "größe", "x1", "pi", "sum"] {
        assert_eq!(check_name(name), Ok(()));
    }
    for name in ["", "1x", "a b", "a-b", "if", "None", "np", "numpy", "x."] {
        assert!(check_name(name).is_err(), "{name}");
    }
}

#[test]
fn hostile_text_is_refused_in_no_time() {
    let open = "(".repeat(MAX_LEN);
    let long = [
        open.as_str(),
        &"[".repeat(MAX_LEN),
        &"-".repeat(MAX_LEN),
        &"f(".repeat(MAX_LEN / 2),
        &("1".to_owned() + &"**1".repeat(MAX_LEN / 4)),
        &("1".to_owned() + &"+1".repeat(MAX_LEN / 3)),
        &("x".to_owned() + &"[0]".repeat(MAX_LEN / 4)),
        &("x".to_owned() + &".T".repeat(MAX_LEN / 4)),
        &("x".to_owned() + &".f()".repeat(MAX_LEN / 5)),
        &"not ".repeat(MAX_LEN / 4),
        &"x if ".repeat(MAX_LEN / 5),
        &"x and ".repeat(MAX_LEN / 6),
        &"x < ".repeat(MAX_LEN / 4),
        &"1|1^1&1<<1+1*(".repeat(MAX_LEN / 14),
        &"9".repeat(MAX_LEN),
        &("x".repeat(MAX_LEN) + "y"),
    ];
    let started = std::time::Instant::now();
    for text in long {
        assert!(Program::parse(text).is_err(), "{}", &text[..10]);
        assert!(refusal(text).len() < 1000, "{}", &text[..10]);
    }
    assert!(started.elapsed().as_secs() < 10, "{:?}", started.elapsed());
    let nested = |n: usize| "(".repeat(n) + "x" + &")".repeat(n);
    assert!(Program::parse(&nested(MAX_NESTING - 1)).is_ok());
    assert!(refusal(&nested(MAX_NESTING)).contains("nested deeper than 200"));
    let sum = |n: usize| "x".to_owned() + &" + x".repeat(n - 1);
    assert_eq!(parse(&sum(MAX_HEIGHT)).result().height(), MAX_HEIGHT);
    assert!(refusal(&sum(MAX_HEIGHT + 1)).contains("give a part of it a name"));
    let many = format!("f({})", "x, ".repeat(10_000));
    assert_eq!(parse(&many).result().children().len(), 10_000);
}
