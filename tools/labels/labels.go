// Package labels reads what people saw in pictures of plates: a set is a folder
// with labels.jsonl, a line a picture.
package labels

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"

	"alpr"
)

// Label is a plate as a person saw it. Each field may be missing.
type Label struct {
	Box    *[4]float64 `json:"box"` // x, y, width and height in pixels
	Text   string      `json:"text"`
	Region string      `json:"region"`
}

// Picture is a labelled picture.
type Picture struct {
	Image  string  `json:"image"` // path below the set's folder
	Width  int     `json:"width"`
	Plates []Label `json:"plates"`
}

// Read reads a file of labels; texts come as plates are compared.
func Read(path string) ([]Picture, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read labels: %w", err)
	}
	defer f.Close()
	var pictures []Picture
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		var p Picture
		if err := json.Unmarshal(lines.Bytes(), &p); err != nil {
			return nil, fmt.Errorf("read labels %s, line %d: %w", path, n, err)
		}
		for i := range p.Plates {
			p.Plates[i].Text = alpr.Normalise(p.Plates[i].Text)
		}
		pictures = append(pictures, p)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read labels %s: %w", path, err)
	}
	return pictures, nil
}
