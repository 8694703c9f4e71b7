package printable

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestLineAndText(t *testing.T) {
	for in, want := range map[string][2]string{
		"":                          {"", ""},
		"plain äöü – 京 ABC·123":     {"plain äöü – 京 ABC·123", "plain äöü – 京 ABC·123"},
		"\x1b[2J\x1b]0;owned\a":     {`\u001b[2J\u001b]0;owned\u0007`, `\u001b[2J\u001b]0;owned\u0007`},
		"a\nb\tc\rd":                {`a\u000ab\u0009c\u000dd`, "a\nb\tc\\u000dd"},
		"\u009b2J":                  {`\u009b2J`, `\u009b2J`}, // C1: some terminals take it for ESC [
		"\x9b2J\xff":                {`\x9b2J\xff`, `\x9b2J\xff`},
		"ABC\u202e321":              {`ABC\u202e321`, `ABC\u202e321`},
		"a\u2066b\u2028c\ufeffd":    {`a\u2066b\u2028c\ufeffd`, `a\u2066b\u2028c\ufeffd`},
		"\x00\x7f":                  {`\u0000\u007f`, `\u0000\u007f`},
		"\U000e0041\u200d":          {`\udb40\udc41` + "\u200d", `\udb40\udc41` + "\u200d"},
		string(utf8.RuneError):      {"\ufffd", "\ufffd"},
		`C:\x1b is written as such`: {`C:\x1b is written as such`, `C:\x1b is written as such`},
	} {
		if got := [2]string{Line(in), Text(in)}; got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func FuzzText(f *testing.F) {
	f.Add("a\x1b[2J\u202e\n\xff", uint8(3))
	f.Add("äöü\u009b", uint8(1))
	f.Fuzz(func(t *testing.T, text string, at uint8) {
		got := Text(text)
		if !utf8.ValidString(got) || strings.ContainsAny(got, "\x1b\x07\r\x00\u009b\u202e\u2028") || Text(got) != got {
			t.Fatalf("%q became %q", text, got)
		}
		var buf bytes.Buffer
		w := NewWriter(&buf)
		k := min(int(at), len(text))
		for _, part := range []string{text[:k], text[k:]} {
			if n, err := w.Write([]byte(part)); n != len(part) || err != nil {
				t.Fatal(n, err)
			}
		}
		if !strings.HasPrefix(got, buf.String()) || len(got)-buf.Len() > 4*utf8.UTFMax {
			t.Fatalf("in two parts %q, in one %q", buf.String(), got)
		}
	})
}
