"""Pixels in, pixels out: the only room that touches ffmpeg, imageio and Pillow."""
