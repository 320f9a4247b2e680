"""Messages that pages show: how they are asked for, and the frames that their HTML is shown in."""
