package console

import (
	_ "embed"
	"net/http"
	"strings"
	"sync"
)

// wordsFile is every sentence of the page, in every language: English, a tab,
// Spanish. {name} stands for a value in both.
//
//go:embed words.tsv
var wordsFile string

//nolint:gochecknoglobals // read once, never written after
var spanish = sync.OnceValue(func() map[string]string {
	words := map[string]string{}
	for line := range strings.Lines(wordsFile) {
		en, es, ok := strings.Cut(strings.TrimRight(line, "\n"), "\t")
		if ok && !strings.HasPrefix(line, "#") {
			words[en] = es
		}
	}
	return words
})

// wordsView is how the agency wants the page to speak.
type wordsView struct {
	Language string            `json:"language"`
	Words    map[string]string `json:"words,omitempty"`
	Units    string            `json:"units"`
	Hour12   bool              `json:"hour12"`
	Zone     string            `json:"zone"`
}

// sayWords needs no officer: the log-in speaks, too.
func (c *Console) sayWords(w http.ResponseWriter, _ *http.Request) error {
	v := wordsView{Language: c.words().Language, Units: c.words().Units, Hour12: c.words().Hours == 12, Zone: c.words().TimeZone}
	if c.words().Language == "es" {
		v.Words = spanish()
	}
	return reply(w, http.StatusOK, v)
}
