import runpy, sys, os
def run_script(path, argv, guard):
    sys.argv=[path,*argv]; sys.path.insert(0, os.path.dirname(path))
    with guard:
        runpy.run_path(path, run_name="__main__")
