package alpr_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// pages are the Markdown files that are part of the project.
func pages(t *testing.T) []string {
	t.Helper()
	out, err := exec.Command("git", "ls-files", "-z", "*.md").Output()
	if err != nil {
		t.Fatalf("list the pages: %v", err)
	}
	names := strings.Split(strings.TrimRight(string(out), "\x00"), "\x00")
	if len(names) < 10 {
		t.Fatalf("%d pages found: this is no checkout", len(names))
	}
	return names
}

var (
	fence   = regexp.MustCompile("(?ms)^\\s*```.*?^\\s*```\\s*$")
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	scheme  = regexp.MustCompile(`^[a-z]+:`)
	heading = regexp.MustCompile(`(?m)^#+ +(.*?)\s*$`)
	dropped = regexp.MustCompile(`[^\p{L}\p{N}\s_-]`)
)

// anchors are the fragments that a page's headings answer to, as renderers of
// Markdown make them: lower case, no punctuation, hyphens for blanks.
func anchors(page []byte) map[string]bool {
	all := map[string]bool{}
	for _, m := range heading.FindAllSubmatch(fence.ReplaceAll(page, nil), -1) {
		s := strings.ToLower(string(m[1]))
		all[strings.ReplaceAll(dropped.ReplaceAllString(s, ""), " ", "-")] = true
	}
	return all
}

// TestLinksLead holds every relative link of every page against what is there.
func TestLinksLead(t *testing.T) {
	for _, name := range pages(t) {
		page, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllSubmatch(fence.ReplaceAll(page, nil), -1) {
			target, fragment, _ := strings.Cut(string(m[1]), "#")
			if scheme.MatchString(target) {
				continue
			}
			path := name
			if target != "" {
				path = filepath.Join(filepath.Dir(name), target)
			}
			there, err := os.ReadFile(path)
			if _, statErr := os.Stat(path); statErr != nil {
				t.Errorf("%s links to %s, which is not there", name, m[1])
				continue
			}
			if fragment != "" && err == nil && !anchors(there)[fragment] {
				t.Errorf("%s links to %s, and %s has no such heading", name, m[1], path)
			}
		}
	}
}

// TestProseIsNarrow keeps prose at 120 columns: tables and code are as wide as
// what they show.
func TestProseIsNarrow(t *testing.T) {
	for _, name := range pages(t) {
		page, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range bytes.Split(fence.ReplaceAll(page, nil), []byte("\n")) {
			wide := utf8.RuneCount(line) > 120
			shown := bytes.HasPrefix(line, []byte("|")) || bytes.HasPrefix(line, []byte("    "))
			if wide && !shown && !bytes.Contains(line, []byte("](")) {
				t.Errorf("%s: %d columns: %s", name, utf8.RuneCount(line), line)
			}
		}
	}
}

// TestMentionsLead holds the pages that code, scripts and configuration speak
// of against what is there.
func TestMentionsLead(t *testing.T) {
	out, err := exec.Command("git", "grep", "-hoIE", `docs/[a-z0-9/-]+\.(md|yaml)`, "--", ":!CHANGELOG.md").Output()
	if err != nil {
		t.Fatalf("list what is mentioned: %v", err)
	}
	for _, path := range strings.Fields(string(out)) {
		if _, err := os.Stat(path); err != nil {
			t.Errorf("%s is spoken of, and is not there", path)
		}
	}
}
