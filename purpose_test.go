package alpr

import (
	"errors"
	"testing"
)

func TestCheckPurpose(t *testing.T) {
	for _, text := range []string{"", " ", ".", "...", "-", "?!", "x", "xx", "aaa", "AaAa", "111", "n/a", "\u200b\u200b\u200b", "——", "\x1b[2J"} {
		if err := CheckPurpose(text); !errors.Is(err, ErrBadPurpose) {
			t.Errorf("%q was taken", text)
		}
	}
	for _, text := range []string{"morning list", "case 31-0815", "31-0815", "Überprüfung", "盗难车", "AB1"} {
		if err := CheckPurpose(text); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}
