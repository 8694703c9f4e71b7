package torture

import (
	"math/rand/v2"
	"strings"
)

// hostileTexts are what people paste and what files are full of: dashes and
// blanks of every kind, marks that turn the direction, letters that look like
// others, parts of letters, signs that end something elsewhere, too much.
func hostileTexts() []string {
	return []string{
		"ABC–123", "ABC—123", "ABC‑123", "ABC−123", "ABC\u00ad123", "ABC\u00a0123", "ABC\u2007123", "ABC\u202f123", "ABC\u3000123", "ABC\u200b123", "ABC\u200d123", "ABC\u2060123", "\ufeffABC123",
		"\u202eABC123", "\u2066ABC\u2069123", "ABC#12", "É1234", "e\u0301123", "ÄÖÜ 123", "АВС123", "ΑΒΓ123", "ＡＢＣ１２３", "①②③", "١٢٣ أ ب ج", "京A12345", "🚗🚓123", "👨‍👩‍👧‍👦", "🇩🇪B123", "Z̷̢a̸l̵g̶o̷",
		"A\x00B", "A\x01\x1b[31mB", "A\r\nB", "A\tB", "\x7f\x80\xff", "\xc3\x28", "\xed\xa0\x80", "\xf0\x9f\x9a", "\u2028\u2029", "\ufffd\ufffe\uffff",
		"", " ", "'; DROP TABLE reads; --", `"`, `\`, "<script>alert(1)</script>", "{{7*7}}", "%s%n%x", "../../etc/passwd", "=cmd|' /C calc'!A0", "+1", "-1", "@A1", "NaN", "null", "true", "1e309", "-0", "0x10",
		"A", "0", "OOOOOOOO", "IIIIIIIIII", "ABCDEFGHIJKLMNOP", strings.Repeat("A", 5000), strings.Repeat("é", 200), strings.Repeat("\u0301", 300), strings.Repeat("🚗", 120), "*", "?BC123", "AB%", "AB_",
	}
}

func anyOf[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

// noise is bytes of no meaning.
func noise(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.UintN(256))
	}
	return b
}

// hostileList is a file that somebody calls a hotlist.
func hostileList(r *rand.Rand) string {
	switch r.IntN(9) {
	case 0:
		return string(noise(r, 4000))
	case 1:
		return ""
	case 2:
		return "plate,state,reason\n" + strings.Repeat(`"`, 3000)
	case 3:
		return "plate,state,reason\n" + strings.Repeat("A,", 20000) + "\n"
	case 4:
		return "\xff\xfep\x00l\x00a\x00t\x00e\x00\n\x00A\x00"
	case 5:
		return "PK\x03\x04" + string(noise(r, 300))
	case 6:
		return "\x1f\x8b\x08" + string(noise(r, 300))
	case 7:
		return "\x28\xb5\x2f\xfd" + string(noise(r, 300))
	default:
		text := "plate,state,reason,category,priority,expires\n"
		for _, t := range hostileTexts() {
			quoted := `"` + strings.ReplaceAll(t, `"`, `""`) + `"`
			text += quoted + "," + anyOf(r, []string{"US-FL", "FL", "XX", quoted}) + "," + quoted + "," + quoted + "," + quoted + "," + quoted + "\n"
		}
		return text
	}
}
