//! An array expression: what is printed of a tree is read as the same tree, and errors can be shown.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ndfolio::eval::{MAX_LEN, Program};

fuzz_target!(|text: &str| {
    match Program::parse(text) {
        Ok(program) => {
            let printed = program.to_string();
            match Program::parse(&printed) {
                Ok(again) => {
                    assert_eq!(again, program, "{printed}");
                    assert_eq!(again.to_string(), printed);
                }
                // Blanks around operators, and brackets around a number before a point, can be too much.
                Err(error) => {
                    assert!(printed.len() > MAX_LEN || error.message().contains("deeper"), "{error}")
                }
            }
            let names: Vec<_> = program.free_names().map(|name| name.text).collect();
            let given: Vec<_> = names.iter().map(String::as_str).collect();
            assert!(program.unused(&given).is_empty());
            let text = program.to_string();
            assert_eq!(program.resolve(&given).expect("every name is given").to_string(), text);
        }
        Err(error) => {
            let span = error.span();
            assert!(span.start <= span.end && text.get(span.start..span.end).is_some());
            assert!(error.to_string().len() < 2000);
        }
    }
});
