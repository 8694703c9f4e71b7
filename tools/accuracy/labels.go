package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"

	"alpr/tools/labels"
)

type (
	label    = labels.Label
	labelled = labels.Picture
)

// set is a folder of labelled pictures.
type set struct {
	folder   string
	pictures []labelled
}

func readLabels(path string) (*set, error) {
	pictures, err := labels.Read(path)
	return &set{folder: filepath.Dir(path), pictures: pictures}, err
}

// keep drops all pictures but these.
func (s *set) keep(images []string) {
	s.pictures = slices.DeleteFunc(s.pictures, func(p labelled) bool { return !slices.Contains(images, p.Image) })
}

// cropWidth is what a plate that was cut out is at most wide.
const cropWidth = 400

// isCrops says whether the pictures are plates, cut out.
func (s *set) isCrops() bool {
	for _, p := range s.pictures {
		if p.Width > cropWidth || slices.ContainsFunc(p.Plates, func(l label) bool { return l.Box != nil }) {
			return false
		}
	}
	return true
}

// reported is a plate as alpr read gave it.
type reported struct {
	Box        *[4]float64
	Text       string // the best; empty: found but not read
	Confidence float64
	Region     string
}

// pictureReads is what alpr read gave for one picture.
type pictureReads struct {
	MS     float64
	Plates []reported
}

// parseReads reads the CSV of alpr read. Of a plate's texts only the best
// counts here.
func parseReads(r io.Reader) (map[string]*pictureReads, error) {
	rows, err := csv.NewReader(r).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("parse reads: %w", err)
	}
	if len(rows) == 0 {
		return nil, errors.New("parse reads: no header")
	}
	column := map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	for _, name := range []string{"image", "plate_text", "confidence", "x", "y", "w", "h", "rank", "ms", "region"} {
		if _, ok := column[name]; !ok {
			return nil, fmt.Errorf("parse reads: no column %q", name)
		}
	}
	reads := map[string]*pictureReads{}
	for n, row := range rows[1:] {
		field := func(name string) string { return row[column[name]] }
		image := filepath.Base(field("image"))
		p := reads[image]
		if p == nil {
			p = &pictureReads{}
			reads[image] = p
		}
		var err error
		if p.MS, err = strconv.ParseFloat(field("ms"), 64); err != nil {
			return nil, fmt.Errorf("parse reads, row %d: ms: %w", n+2, err)
		}
		if rank := field("rank"); rank != "" && rank != "1" || field("confidence") == "" {
			continue
		}
		plate, err := parsePlate(field)
		if err != nil {
			return nil, fmt.Errorf("parse reads, row %d: %w", n+2, err)
		}
		p.Plates = append(p.Plates, plate)
	}
	return reads, nil
}

func parsePlate(field func(string) string) (reported, error) {
	p := reported{Text: field("plate_text"), Region: field("region")}
	var err error
	if p.Confidence, err = strconv.ParseFloat(field("confidence"), 64); err != nil {
		return p, fmt.Errorf("confidence: %w", err)
	}
	if field("x") == "" {
		return p, nil
	}
	p.Box = new([4]float64)
	for i, name := range []string{"x", "y", "w", "h"} {
		if p.Box[i], err = strconv.ParseFloat(field(name), 64); err != nil {
			return p, fmt.Errorf("%s: %w", name, err)
		}
	}
	return p, nil
}
