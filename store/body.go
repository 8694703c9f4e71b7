package store

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"github.com/klauspost/compress/zstd"

	"alpr"
)

// posteriorBytes is the size of a Posterior as 32-bit floats.
const posteriorBytes = alpr.Slots * alpr.Symbols * 4

// readBody is a Read as it is sealed: without pictures, which are rows of
// their own, and without the posterior, which follows as plain floats.
type readBody struct {
	alpr.Read
	Text    textBody
	Crop    pictureBody
	Context pictureBody
}

type textBody struct {
	Text       string
	Confidence float64
	CharConf   []float32
	Candidates []alpr.Candidate
	Regions    []alpr.RegionProb
	ByPicture  alpr.Candidate
	Format     alpr.SerialFormat
}

type pictureBody struct {
	SHA256        []byte `json:",omitempty"`
	Width, Height int
}

// codec packs bodies before they are sealed. Its coders are safe for
// concurrent use.
type codec struct {
	enc *zstd.Encoder
	dec *zstd.Decoder
}

func newCodec() (*codec, error) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<18))
	if err != nil {
		return nil, fmt.Errorf("set up compression: %w", err)
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(64<<20))
	if err != nil {
		return nil, fmt.Errorf("set up decompression: %w", err)
	}
	return &codec{enc: enc, dec: dec}, nil
}

func (c *codec) pack(plain []byte) []byte { return c.enc.EncodeAll(plain, nil) }

func (c *codec) unpack(packed []byte) ([]byte, error) {
	plain, err := c.dec.DecodeAll(packed, nil)
	if err != nil {
		return nil, fmt.Errorf("unpack a body: %w: %w", ErrDamaged, err)
	}
	return plain, nil
}

func (c *codec) packRead(r *alpr.Read) ([]byte, error) {
	body := readBody{
		Read:    *r,
		Text:    textBody{r.Text.Text, r.Text.Confidence, r.Text.CharConf, r.Text.Candidates, r.Text.Regions, r.Text.ByPicture, r.Text.Format},
		Crop:    pictureOf(&r.Crop),
		Context: pictureOf(&r.Context),
	}
	plain := make([]byte, 0, posteriorBytes+2048)
	for s := range r.Text.Posterior {
		for _, p := range r.Text.Posterior[s] {
			plain = binary.LittleEndian.AppendUint32(plain, math.Float32bits(p))
		}
	}
	body.Views = slices.Clone(r.Views) // their JPEGs are rows of their own, too
	for i := range body.Views {
		body.Views[i].Crop.JPEG, body.Views[i].Context.JPEG = nil, nil
	}
	text, err := json.Marshal(&body)
	if err != nil {
		return nil, fmt.Errorf("encode read %s: %w", r.ID, err)
	}
	return c.pack(append(plain, text...)), nil
}

func pictureOf(p *alpr.Picture) pictureBody {
	if p.JPEG == nil {
		return pictureBody{}
	}
	return pictureBody{SHA256: p.SHA256[:], Width: p.Width, Height: p.Height}
}

// unpackRead undoes packRead; the pictures come without their JPEG.
func (c *codec) unpackRead(packed []byte) (*alpr.Read, error) {
	plain, err := c.unpack(packed)
	if err != nil {
		return nil, err
	}
	if len(plain) < posteriorBytes {
		return nil, fmt.Errorf("unpack a read: %w: %d bytes are too few", ErrDamaged, len(plain))
	}
	var body readBody
	if err := json.Unmarshal(plain[posteriorBytes:], &body); err != nil {
		return nil, fmt.Errorf("decode a read: %w: %w", ErrDamaged, err)
	}
	r := body.Read
	r.Text = alpr.Text{
		Text: body.Text.Text, Confidence: body.Text.Confidence, CharConf: body.Text.CharConf,
		Candidates: body.Text.Candidates, Regions: body.Text.Regions, ByPicture: body.Text.ByPicture, Format: body.Text.Format,
	}
	for s := range r.Text.Posterior {
		for i := range r.Text.Posterior[s] {
			at := 4 * (s*alpr.Symbols + i)
			r.Text.Posterior[s][i] = math.Float32frombits(binary.LittleEndian.Uint32(plain[at:]))
		}
	}
	r.Crop, r.Context = body.Crop.picture(), body.Context.picture()
	return &r, nil
}

func (p pictureBody) picture() alpr.Picture {
	out := alpr.Picture{Width: p.Width, Height: p.Height}
	copy(out.SHA256[:], p.SHA256)
	return out
}

func (c *codec) packJSON(v any) ([]byte, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode a body: %w", err)
	}
	return c.pack(text), nil
}

func (c *codec) unpackJSON(packed []byte, v any) error {
	text, err := c.unpack(packed)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, v); err != nil {
		return fmt.Errorf("decode a body: %w: %w", ErrDamaged, err)
	}
	return nil
}
