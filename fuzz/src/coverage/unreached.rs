//! Functions that did not run, in files in which others did: where a campaign may go next. "Next to" means in the same
//! file, by the distance in lines; profiles do not say which function calls which.

use std::fmt::Write as _;

use super::tracefile::{SourceFile, Tracefile};

/// Function that did not run.
#[derive(Debug, Clone, PartialEq, Eq)]
struct UnreachedFunction<'a> {
    name: &'a str,
    line: u32,
    /// Distance to the nearest function that ran, in lines between their beginnings.
    distance: u32,
    nearest: &'a str,
}

/// Returns the list as text, by files, the nearest first.
#[must_use]
pub fn describe(tracefile: &Tracefile) -> String {
    let mut text = "Functions that did not run, in files in which others did. The nearest one that did is named, with the \
                    distance in lines.\n"
        .to_owned();
    for (path, file) in &tracefile.files {
        let unreached = of_file(file);
        if unreached.is_empty() {
            continue;
        }
        let functions = file.functions();
        let _ = writeln!(text, "\n{path}: {} of {} functions ran", functions.reached, functions.total);
        for UnreachedFunction { name, line, distance, nearest } in unreached {
            let _ = writeln!(text, "  line {line}: {name} ({distance} from {nearest})");
        }
    }
    text
}

fn of_file(file: &SourceFile) -> Vec<UnreachedFunction<'_>> {
    let functions = file.functions_by_line();
    let reached: Vec<_> = functions.iter().filter(|(_, (_, calls))| *calls > 0).collect();
    let unreached = functions.iter().filter(|(_, (_, calls))| *calls == 0);
    let mut found: Vec<_> = unreached
        .filter_map(|(&line, (name, _))| {
            let (near, (nearest, _)) = reached.iter().min_by_key(|(near, _)| near.abs_diff(line))?;
            Some(UnreachedFunction { name, line, distance: near.abs_diff(line), nearest })
        })
        .collect();
    found.sort_by_key(|function| (function.distance, function.line));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_is_first_and_files_that_never_ran_are_left_out() {
        let tracefile = Tracefile::parse(
            "SF:a.c\nFN:1,far\nFN:50,near\nFN:60,ran\nFNDA:1,ran\nFNDA:0,far\nFNDA:0,near\nend_of_record\n\
             SF:b.c\nFN:1,other\nFNDA:0,other\nend_of_record\n",
        );
        let text = describe(&tracefile);
        let list = "a.c: 1 of 3 functions ran\n  line 50: near (10 from ran)\n  line 1: far (59 from ran)\n";
        assert!(text.ends_with(list), "{text}");
    }
}
