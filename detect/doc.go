// Package detect finds licence plates in a frame: four corners, a box and a
// score each. One model finds the plates in the whole frame; a second, small
// one then cuts each out and finds its corners to a few hundredths of its
// height, so that a plate seen from aside is rectified and not cut off.
//
// The model sees views: parts of the frame, scaled. One view, the whole frame
// at about half a megapixel, is enough up to 1080p, where a plate 40 pixels wide
// still has 20. Wider frames add tiles at half their scale, so that a far plate
// is not lost to the resize: all of them for a still, one after the other from
// frame to frame for video.
package detect
