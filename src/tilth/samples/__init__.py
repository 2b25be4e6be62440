"""Write invented data sets with every defect of real ones planted, and the truth beside them."""
