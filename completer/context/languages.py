"""Which language a file is in, by its name; the ids are those of the Language Server Protocol."""

import re

_EXTENSIONS: dict[str, str] = {
    extension: language
    for language, extensions in {
        "python": "py pyi pyw pyx pxd",
        "javascript": "js mjs cjs",
        "javascriptreact": "jsx",
        "typescript": "ts mts cts",
        "typescriptreact": "tsx",
        "go": "go",
        "rust": "rs",
        "java": "java",
        "c": "c h",
        "cpp": "cc cpp cxx c++ hh hpp hxx h++ ipp inl cu cuh",
        "csharp": "cs csx",
        "objective-c": "m",
        "objective-cpp": "mm",
        "swift": "swift",
        "kotlin": "kt kts",
        "scala": "scala sc sbt",
        "groovy": "groovy gradle",
        "dart": "dart",
        "ruby": "rb rake gemspec",
        "php": "php phtml",
        "perl": "pl pm",
        "lua": "lua",
        "r": "r",
        "julia": "jl",
        "haskell": "hs",
        "elixir": "ex exs",
        "erlang": "erl hrl",
        "clojure": "clj cljs cljc edn",
        "elm": "elm",
        "fsharp": "fs fsx fsi",
        "ocaml": "ml mli",
        "zig": "zig",
        "nim": "nim",
        "d": "d",
        "verilog": "v vh",
        "systemverilog": "sv svh",
        "vhdl": "vhd vhdl",
        "fortran": "f90 f95 f03 f08 f for",
        "sql": "sql",
        "graphql": "graphql gql",
        "proto": "proto",
        "thrift": "thrift",
        "terraform": "tf hcl",
        "nix": "nix",
        "shellscript": "sh bash zsh ksh fish",
        "powershell": "ps1 psm1 psd1",
        "bat": "bat cmd",
        "vim": "vim",
        "makefile": "mk mak",
        "cmake": "cmake",
        "dockerfile": "dockerfile",
        "html": "html htm xhtml",
        "vue": "vue",
        "svelte": "svelte",
        "css": "css",
        "scss": "scss",
        "sass": "sass",
        "less": "less",
        "jinja": "j2 jinja jinja2",
        "xml": "xml xsd xsl xslt",
        "json": "json",
        "jsonc": "jsonc json5",
        "yaml": "yaml yml",
        "toml": "toml",
        "ini": "ini cfg conf",
        "properties": "properties",
        "markdown": "md markdown mdx",
        "restructuredtext": "rst",
        "latex": "tex sty cls",
        "plaintext": "txt",
    }.items()
    for extension in extensions.split()
}

_FILE_NAMES: dict[str, str] = {
    "makefile": "makefile",
    "gnumakefile": "makefile",
    "dockerfile": "dockerfile",
    "containerfile": "dockerfile",
    "cmakelists.txt": "cmake",
    "jenkinsfile": "groovy",
    "gemfile": "ruby",
    "rakefile": "ruby",
    "vagrantfile": "ruby",
    "podfile": "ruby",
    "sconstruct": "python",
    "sconscript": "python",
    "wscript": "python",
    "build": "starlark",
    "workspace": "starlark",
    "justfile": "just",
    "readme": "plaintext",
    "go.mod": "go.mod",
}

_INTERPRETERS: dict[str, str] = {
    "python": "python",
    "node": "javascript",
    "deno": "typescript",
    "ruby": "ruby",
    "perl": "perl",
    "php": "php",
    "lua": "lua",
    "Rscript": "r",
    "sh": "shellscript",
    "bash": "shellscript",
    "zsh": "shellscript",
    "dash": "shellscript",
    "ksh": "shellscript",
}

_SHEBANG = re.compile(rb"#!\s*(?:\S*/env\s+(?:-S\s*)?)?(?:\S*/)?([A-Za-z]+)")
_LONGEST_SHEBANG = 256


def language_of_name(name: str) -> str | None:
    """Return the language of a file called `name` (no folder), `None` if the name does not tell."""
    lowered = name.lower()
    known = _FILE_NAMES.get(lowered)
    if known is not None:
        return known
    stem, dot, extension = lowered.rpartition(".")
    return _EXTENSIONS.get(extension) if dot and stem else None


def language_of_shebang(head: bytes) -> str | None:
    """Return the language of a script by its `#!` line, `None` without one that is known."""
    match = _SHEBANG.match(head, 0, _LONGEST_SHEBANG)
    return _INTERPRETERS.get(match[1].decode("ascii")) if match else None
