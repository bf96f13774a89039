// Files of the targets that look for them in a directory that does not exist. Tests of single runs and of the loop
// include this.

use std::os::unix::fs::PermissionsExt;

/// Lays out the files below a directory. Returns the value of the option by which a target finds them.
fn lay_out_relocated(directory: &std::path::Path) -> String {
    let moved = directory.join("moved");
    for name in ["www", "run", "bin", "lib"] {
        std::fs::create_dir_all(moved.join(name)).expect("mkdir");
    }
    let write = |path: &std::path::Path, text: &str| std::fs::write(path, text).expect("write");
    write(&moved.join("www/file"), "found");
    std::os::unix::fs::symlink("file", moved.join("www/link")).expect("symlink");
    let elsewhere = directory.join("elsewhere");
    write(&elsewhere, "found");
    let program = moved.join("bin/program");
    write(&program, "#!/bin/sh\ntest -f /nonexistent/server/www/file && exit $#\n");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("chmod");
    let module = directory.join("module.c");
    write(&module, "int number(void) { return 23; }\n");
    let status = std::process::Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()))
        .args(["-shared", "-fPIC", "-o"])
        .args([&moved.join("lib/module.so"), &module])
        .status();
    assert!(status.expect("a C compiler").success());
    let [moved, elsewhere] = [moved, elsewhere].map(|path| path.display().to_string());
    format!("/nonexistent/server={moved}:/nonexistent/server/elsewhere={elsewhere}")
}

/// Returns the flag with which a program's own file names the directory of modules.
fn rpath_of_modules(directory: &std::path::Path) -> String {
    format!("-Wl,--enable-new-dtags,-rpath,{}", directory.join("moved/lib").display())
}

// Targets whose files are laid out so. Their tests have the same names.
macro_rules! test_relocated_targets {
    ($check:ident) => {
        test_relocated_targets!(
            $check: relocated_changes, relocated_files, relocated_modules, relocated_names, relocated_programs
        );
    };
    ($check:ident: $($name:ident),*) => {
        $(
            #[test]
            fn $name() {
                $check(stringify!($name));
            }
        )*
    };
}
