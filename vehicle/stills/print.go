package stills

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"alpr"
)

// result is what one picture showed.
type result struct {
	Image    string
	Took     time.Duration
	HasBoxes bool // false where the picture itself is the plate
	Plates   []found
}

// found is one plate of a picture.
type found struct {
	Plate  alpr.Plate
	Text   alpr.Text
	Region string // "" where it cannot be told
}

// printer writes results in one of the formats.
type printer interface {
	print(result) error
	finish() error
}

// csvPrinter writes what a scorer takes: a row for each text a plate may have,
// best first under the same box; a row without text for a plate that could not
// be read; and a row with only image and time for a picture without plates.
type csvPrinter struct {
	w           *csv.Writer
	wroteHeader bool
}

func newCSVPrinter(out io.Writer) *csvPrinter { return &csvPrinter{w: csv.NewWriter(out)} }

func (p *csvPrinter) print(r result) error {
	if !p.wroteHeader {
		p.wroteHeader = true
		if err := p.row("image", "plate_text", "confidence", "x", "y", "w", "h", "rank", "ms", "region"); err != nil {
			return err
		}
	}
	took := strconv.FormatFloat(ms(r.Took), 'f', 2, 64)
	if len(r.Plates) == 0 {
		return p.row(r.Image, "", "", "", "", "", "", "", took, "")
	}
	for _, f := range r.Plates {
		box := make([]string, 4)
		if r.HasBoxes {
			for i, v := range []float32{f.Plate.Box.X, f.Plate.Box.Y, f.Plate.Box.W, f.Plate.Box.H} {
				box[i] = strconv.FormatFloat(float64(v), 'f', 2, 32)
			}
		}
		if f.Text.Text == "" {
			if err := p.row(r.Image, "", probability(f.Text.Confidence), box[0], box[1], box[2], box[3], "", took, f.Region); err != nil {
				return err
			}
			continue
		}
		for rank, c := range f.Text.Candidates {
			if c.Text == "" {
				continue
			}
			if err := p.row(r.Image, c.Text, probability(c.P), box[0], box[1], box[2], box[3],
				strconv.Itoa(rank+1), took, f.Region); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *csvPrinter) row(fields ...string) error {
	err := p.w.Write(fields)
	p.w.Flush() // a long run is watched, and may be interrupted
	if err == nil {
		err = p.w.Error()
	}
	if err != nil {
		return fmt.Errorf("write CSV: %w", err)
	}
	return nil
}

func (p *csvPrinter) finish() error { return nil }

// probability keeps enough digits that sure reads stay in order.
func probability(p float64) string { return strconv.FormatFloat(p, 'f', 6, 64) }

// jsonPrinter writes a line a plate, and a line with image and time alone for
// a picture without plates.
type jsonPrinter struct{ enc *json.Encoder }

func newJSONPrinter(out io.Writer) *jsonPrinter { return &jsonPrinter{json.NewEncoder(out)} }

// Line is a line of JSON: one plate, or a picture without any.
type Line struct {
	Image      string             `json:"image"`
	MS         float64            `json:"ms"`
	Text       *string            `json:"text,omitempty"`
	Confidence float64            `json:"confidence,omitempty"`
	CharConf   []float32          `json:"char_confidence,omitempty"`
	Region     string             `json:"region,omitempty"`
	Regions    []alpr.RegionProb  `json:"regions,omitempty"`
	Candidates []alpr.Candidate   `json:"candidates,omitempty"`
	ByPicture  *alpr.Candidate    `json:"by_picture,omitempty"` // what the picture alone says, where that is another text or less sure
	Format     *alpr.SerialFormat `json:"format,omitempty"`     // what speaks for text beside it
	Score      float32            `json:"score,omitempty"`
	Box        *alpr.Box          `json:"box,omitempty"`
	Corners    []alpr.Point       `json:"corners,omitempty"`
}

func (p *jsonPrinter) print(r result) error {
	if len(r.Plates) == 0 {
		return p.line(Line{Image: r.Image, MS: ms(r.Took)})
	}
	for _, f := range r.Plates {
		line := Line{
			Image: r.Image, MS: ms(r.Took), Text: &f.Text.Text, Confidence: f.Text.Confidence,
			CharConf: f.Text.CharConf, Region: f.Region, Regions: f.Text.Regions, Candidates: f.Text.Candidates,
		}
		if t := &f.Text; t.Text != "" && t.ByPicture.Text != "" {
			line.ByPicture = &t.ByPicture
			if t.Format.Pattern != "" {
				line.Format = &t.Format
			}
		}
		if r.HasBoxes {
			line.Score, line.Box, line.Corners = f.Plate.Score, &f.Plate.Box, f.Plate.Corners[:]
		}
		if err := p.line(line); err != nil {
			return err
		}
	}
	return nil
}

func (p *jsonPrinter) line(l Line) error {
	if err := p.enc.Encode(l); err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	return nil
}

func (p *jsonPrinter) finish() error { return nil }

// tablePrinter writes for people.
type tablePrinter struct {
	out         io.Writer
	wroteHeader bool
}

const tableRow = "%-28s  %-10s  %6s  %-6s  %-21s  %7s  %s\n"

func (p *tablePrinter) print(r result) error {
	if !p.wroteHeader {
		p.wroteHeader = true
		if err := p.row("PICTURE", "PLATE", "SURE", "STATE", "AT (x,y width×height)", "MS", "OR"); err != nil {
			return err
		}
	}
	took := fmt.Sprintf("%.1f", ms(r.Took))
	if len(r.Plates) == 0 {
		return p.row(r.Image, "no plate", "", "", "", took, "")
	}
	for _, f := range r.Plates {
		text, sure := f.Text.Text, fmt.Sprintf("%.1f%%", 100*f.Text.Confidence)
		if text == "" {
			text, sure = "unreadable", ""
		}
		at := "whole picture"
		if b := f.Plate.Box; r.HasBoxes {
			at = fmt.Sprintf("%.0f,%.0f %.0f×%.0f", b.X, b.Y, b.W, b.H)
		}
		if err := p.row(r.Image, text, sure, dash(f.Region), at, took, others(f.Text)); err != nil {
			return err
		}
	}
	return nil
}

func (p *tablePrinter) row(fields ...any) error {
	if _, err := fmt.Fprintf(p.out, tableRow, fields...); err != nil {
		return fmt.Errorf("write table: %w", err)
	}
	return nil
}

func (p *tablePrinter) finish() error { return nil }

// others lists the next texts that are worth a thought.
func others(t alpr.Text) string {
	var list []string
	for _, c := range t.Candidates {
		if c.Text != t.Text && c.P >= 0.01 && len(list) < 3 {
			list = append(list, fmt.Sprintf("%s %.0f%%", c.Text, 100*c.P))
		}
	}
	return strings.Join(list, ", ")
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
