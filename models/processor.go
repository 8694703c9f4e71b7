package models

import (
	"bufio"
	"cmp"
	"io"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/cpu"
)

// Processor says what computes the networks.
type Processor struct {
	Name         string // as the system calls it; empty where it has no name for it
	Instructions string // the widest that ONNX Runtime multiplies bytes with here
}

// String is the name and the instructions, as tables and logs show them.
func (p Processor) String() string {
	return cmp.Or(p.Name, runtime.GOARCH) + " (" + p.Instructions + ")"
}

// ThisProcessor is the one that runs the program.
func ThisProcessor() Processor {
	return Processor{Name: processorName(), Instructions: instructions()}
}

// instructions follows ONNX Runtime's own choice of kernels (mlas,
// platform.cpp).
func instructions() string {
	x, a := cpu.X86, cpu.ARM64
	wide := x.HasAVX512F && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VL
	switch {
	case wide && x.HasAVX512VNNI:
		return "AVX-512 VNNI"
	case x.HasAVX2 && x.HasAVXVNNI:
		return "AVX-VNNI"
	case wide:
		return "AVX-512 without VNNI"
	case x.HasAVX2:
		return "AVX2 without VNNI"
	case runtime.GOARCH == "amd64":
		return "SSE"
	case a.HasI8MM:
		return "NEON with matrix products"
	case a.HasASIMDDP:
		return "NEON with dot product"
	case runtime.GOARCH == "arm64":
		return "NEON without dot product"
	}
	return runtime.GOARCH
}

func processorName() string {
	if runtime.GOARCH == "arm64" {
		b, err := os.ReadFile("/sys/firmware/devicetree/base/model")
		if err != nil {
			return ""
		}
		return strings.Trim(string(b), "\x00\n ")
	}
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	defer f.Close()
	return modelName(f)
}

// modelName is the first processor's name in the kernel's list.
func modelName(r io.Reader) string {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		if key, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.Join(strings.Fields(value), " ")
		}
	}
	return ""
}
