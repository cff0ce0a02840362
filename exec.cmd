@rem The scripts of package.json begin with `exec`, so that on Unix the shell npm starts gives way to the program and npm's
@rem signals reach it. Windows knows no such word; there the command follows as it is.
@%*
