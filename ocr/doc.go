// Package ocr reads plates: it rectifies each plate of a frame by its corners,
// lets the network say for every character slot how probable each character is,
// and turns that into a text with an honest confidence, the other texts it may
// be, and the state or country that issued it.
package ocr
