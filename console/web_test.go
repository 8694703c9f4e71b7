package console

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"alpr"
)

// TestThePagesLogic runs the tests of the page's own code with node.
func TestThePagesLogic(t *testing.T) {
	files, err := filepath.Glob("webtest/*.test.js")
	if err != nil || len(files) == 0 {
		t.Fatalf("no tests of the page's code: %v", err)
	}
	out, err := exec.CommandContext(t.Context(), "node", append([]string{"--test"}, files...)...).CombinedOutput()
	if err != nil {
		t.Errorf("%v (scripts/install-deps.sh test installs node)\n%s", err, out)
	}
}

// sentences are the literals that the page's code says, by t() and in its tables.
var sentences = regexp.MustCompile(`(?:\bt|\bfield)\('((?:[^'\\]|\\.)*)'`)

// TestEverySentenceIsInTheFileOfWords, with the same values in both languages.
func TestEverySentenceIsInTheFileOfWords(t *testing.T) {
	words := spanish()
	files, err := filepath.Glob("web/*.js")
	if err != nil {
		t.Fatal(err)
	}
	said := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range sentences.FindAllStringSubmatch(string(text), -1) {
			en := strings.ReplaceAll(m[1], `\'`, `'`)
			if said++; words[en] == "" {
				t.Errorf("%s says %q, which is not in words.tsv", file, en)
			}
		}
	}
	if said < 150 {
		t.Fatalf("only %d sentences were found: the test looks in the wrong place", said)
	}
	values := regexp.MustCompile(`\{\w+\}`)
	for en, es := range words {
		a, b := values.FindAllString(en, -1), values.FindAllString(es, -1)
		slices.Sort(a)
		slices.Sort(b)
		if es == "" || !slices.Equal(a, b) {
			t.Errorf("%q is %q: other values", en, es)
		}
	}
	for _, en := range []string{leadOnly, likelihood(0.999), likelihood(0.1), kindWords(alpr.MatchExact, align("A", "A")), placeWords(alpr.Fix{}), vehicleWords(alpr.Vehicle{})} {
		if words[en] == "" {
			t.Errorf("the server says %q, which is not in words.tsv", en)
		}
	}
}
