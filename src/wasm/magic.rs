//! Naming what a file is when it is not what it should be.

/// What bytes that are not WebAssembly look like, with an article.
pub(super) fn file_guess(bytes: &[u8]) -> &'static str {
    const KNOWN: &[(&[u8], &str)] = &[
        (b"PK\x03\x04", "a ZIP archive"),
        (b"PK\x05\x06", "an empty ZIP archive"),
        (b"\x1f\x8b", "gzip-compressed data"),
        (b"\x28\xb5\x2f\xfd", "zstd-compressed data"),
        (b"\xfd7zXZ\0", "xz-compressed data"),
        (b"BZh", "bzip2-compressed data"),
        (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
        (b"\x7fELF", "an ELF executable or library"),
        (b"MZ", "a Windows executable or library"),
        (b"\xcf\xfa\xed\xfe", "a Mach-O executable or library"),
        (b"\xca\xfe\xba\xbe", "a Mach-O or Java class file"),
        (b"!<arch>\n", "an ar archive"),
        (b"BC\xc0\xde", "LLVM bitcode"),
        (b"%PDF", "a PDF document"),
    ];
    if let Some((_, name)) = KNOWN.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return name;
    }
    if bytes.get(257..262) == Some(b"ustar") {
        return "a tar archive";
    }
    text_guess(bytes).unwrap_or("a file of an unknown kind")
}

/// What bytes that are neither PNG nor WebP look like, with an article.
pub(super) fn image_guess(bytes: &[u8]) -> &'static str {
    const KNOWN: &[(&[u8], &str)] = &[
        (b"\xff\xd8\xff", "a JPEG image"),
        (b"GIF8", "a GIF image"),
        (b"BM", "a BMP image"),
        (b"\0\0\x01\0", "a Windows icon"),
    ];
    if let Some((_, name)) = KNOWN.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return name;
    }
    text_guess(bytes).unwrap_or("a file of an unknown kind")
}

fn text_guess(bytes: &[u8]) -> Option<&'static str> {
    let start = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    let lower: Vec<u8> = start.iter().take(512).map(u8::to_ascii_lowercase).collect();
    if lower.starts_with(b"(module") || lower.starts_with(b"(component") {
        return Some("WebAssembly text (.wat), not binary");
    }
    if lower.starts_with(b"<!doctype html") || lower.starts_with(b"<html") {
        return Some("an HTML page");
    }
    if lower.windows(4).any(|window| window == b"<svg") {
        return Some("an SVG image");
    }
    let readable =
        !lower.is_empty() && lower.iter().all(|byte| matches!(byte, b'\t' | b'\n' | b'\r' | 32..127));
    readable.then_some("a text file")
}
