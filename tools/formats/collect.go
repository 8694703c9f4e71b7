package main

import (
	"encoding/gob"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"

	"alpr"
	"alpr/camera"
	"alpr/detect"
	"alpr/models"
	"alpr/ocr"
	"alpr/tools/labels"
)

// eyes find and read plates as alpr read does.
type eyes struct {
	detector *detect.Detector
	reader   *ocr.Recogniser
}

func collect(folders []string, out string) (err error) {
	set, err := models.Open(models.Options{Dir: "models", Library: filepath.Join("bin", "lib", models.LibraryName)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, set.Close()) }()
	var e eyes
	if e.detector, err = detect.New(set.Detector, set.Corners, detect.Options{IsStill: true}); err != nil {
		return err
	}
	const sureFrom = 0.97 // as alpr read has it
	if e.reader, err = ocr.New(set.Reader, set.SecondReader, ocr.Options{SureFrom: sureFrom, IsStill: true}); err != nil {
		return err
	}
	var all []seen
	for _, folder := range folders {
		list, err := e.set(folder)
		if err != nil {
			return err
		}
		fmt.Println(filepath.Base(folder), len(list))
		all = append(all, list...)
	}
	f, err := os.Create(out)
	if err != nil {
		return fmt.Errorf("keep what was read: %w", err)
	}
	return errors.Join(gob.NewEncoder(f).Encode(all), f.Close())
}

func (e *eyes) set(folder string) ([]seen, error) {
	pictures, err := labels.Read(filepath.Join(folder, "labels.jsonl"))
	if err != nil {
		return nil, err
	}
	name := filepath.Base(folder)
	var all []seen
	for _, p := range pictures {
		wanted := slices.DeleteFunc(p.Plates, func(l labels.Label) bool { return l.Text == "" || isLearned(name, l.Text) })
		if len(wanted) == 0 {
			continue
		}
		frame, err := camera.ReadPicture(filepath.Join(folder, p.Image))
		if err != nil {
			return nil, err
		}
		list, err := e.picture(frame, wanted)
		if err != nil {
			return nil, err
		}
		for _, s := range list {
			s.Set = name
			all = append(all, s)
		}
	}
	return all, nil
}

// picture reads a picture's labelled plates; those that are not found are left
// out.
func (e *eyes) picture(f *alpr.Frame, wanted []labels.Label) ([]seen, error) {
	if wanted[0].Box == nil {
		t, err := e.reader.ReadCrop(f)
		return []seen{{Truth: wanted[0].Text, Text: t}}, err
	}
	plates, err := e.detector.Detect(f)
	if err != nil {
		return nil, err
	}
	texts, err := e.reader.Read(f, plates)
	if err != nil {
		return nil, err
	}
	var all []seen
	for _, l := range wanted {
		best, at := 0.3, -1
		for i := range plates {
			if o := overlap(plates[i].Box, *l.Box); o > best {
				best, at = o, i
			}
		}
		if at >= 0 {
			all = append(all, seen{Truth: l.Text, Text: texts[at]})
		}
	}
	return all, nil
}

// isLearned says whether the shipped recogniser has learned from a text of a
// set: the same split as reader/sets.py.
func isLearned(set, text string) bool {
	switch set {
	case "us_states", "world_433", "world_openimages":
		return crc32.ChecksumIEEE([]byte("hold"+text))%1000 >= 70
	}
	return false
}

// overlap is the intersection of two boxes over their union.
func overlap(a alpr.Box, b [4]float64) float64 {
	w := min(float64(a.X+a.W), b[0]+b[2]) - max(float64(a.X), b[0])
	h := min(float64(a.Y+a.H), b[1]+b[3]) - max(float64(a.Y), b[1])
	if w <= 0 || h <= 0 {
		return 0
	}
	return w * h / (float64(a.W*a.H) + b[2]*b[3] - w*h)
}
