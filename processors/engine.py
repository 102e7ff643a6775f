"""The engine version: an integer raised by hand whenever fold, assess or announce change any output.

State and outputs carry it. State of another engine version is refused at start; it is not the release number.
"""

ENGINE = 2
