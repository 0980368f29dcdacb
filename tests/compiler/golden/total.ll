declare <32 x double> @llvm.fabs.v32f64(<32 x double>)
declare <32 x double> @llvm.masked.load.v32f64.p0(ptr, i32, <32 x i1>, <32 x double>)
define void @kernel(ptr noalias %slots, ptr noalias %rec, i64 %begin, i64 %end, ptr %share) {
entry:
  %v1 = getelementptr i64, ptr %rec, i64 6
  %v2 = load i64, ptr %v1, align 8, !invariant.load !0
  %v3 = getelementptr i64, ptr %rec, i64 7
  %v4 = load i64, ptr %v3, align 8, !invariant.load !0
  %v5 = getelementptr i64, ptr %rec, i64 8
  %v6 = load i64, ptr %v5, align 8, !invariant.load !0
  %v7 = getelementptr i64, ptr %rec, i64 9
  %v8 = load i64, ptr %v7, align 8, !invariant.load !0
  %v9 = getelementptr i64, ptr %rec, i64 10
  %v10 = load i64, ptr %v9, align 8, !invariant.load !0
  %v11 = getelementptr i64, ptr %rec, i64 11
  %v12 = load i64, ptr %v11, align 8, !invariant.load !0
  %v13 = getelementptr i64, ptr %rec, i64 12
  %v14 = load i64, ptr %v13, align 8, !invariant.load !0
  %v15 = getelementptr i64, ptr %rec, i64 13
  %v16 = load i64, ptr %v15, align 8, !invariant.load !0
  %v17 = getelementptr i64, ptr %rec, i64 14
  %v18 = load i64, ptr %v17, align 8, !invariant.load !0
  %v19 = getelementptr i64, ptr %rec, i64 15
  %v20 = load i64, ptr %v19, align 8, !invariant.load !0
  %v21 = getelementptr i64, ptr %rec, i64 2
  %v22 = load i64, ptr %v21, align 8, !invariant.load !0
  %v23 = getelementptr ptr, ptr %slots, i64 %v22
  %v24 = load ptr, ptr %v23, align 8, !invariant.load !0
  %v25 = getelementptr i64, ptr %rec, i64 5
  %v26 = load i64, ptr %v25, align 8, !invariant.load !0
  %v27 = getelementptr ptr, ptr %slots, i64 %v26
  %v28 = load ptr, ptr %v27, align 8, !invariant.load !0
  %v29 = getelementptr i64, ptr %rec, i64 1
  %v30 = load i64, ptr %v29, align 8, !invariant.load !0
  %v31 = getelementptr i64, ptr %rec, i64 0
  %v32 = load i64, ptr %v31, align 8, !invariant.load !0
  %v33 = getelementptr i64, ptr %rec, i64 4
  %v34 = load i64, ptr %v33, align 8, !invariant.load !0
  %v35 = getelementptr i64, ptr %rec, i64 3
  %v36 = load i64, ptr %v35, align 8, !invariant.load !0
  %v37 = mul i64 %begin, %v2
  %v38 = mul i64 %end, %v2
  %v39 = icmp slt i64 %v38, %v4
  %v40 = select i1 %v39, i64 %v38, i64 %v4
  %v41 = icmp slt i64 %v37, %v40
  br i1 %v41, label %start3, label %finished2
start3:
  br label %unit1
unit1:
  %p42 = phi i64 [%v37, %start3], [%v98, %end7]
  %p43 = phi i64 [%v37, %start3], [%v99, %end7]
  %v44 = mul i64 %p43, %v16
  %v45 = sub i64 %v18, %v44
  %v46 = icmp slt i64 %v16, %v45
  %v47 = select i1 %v46, i64 %v16, i64 %v45
  %v48 = mul i64 %p43, %v32
  %v49 = add i64 %v30, %v48
  %v50 = mul i64 %p43, %v36
  %v51 = add i64 %v34, %v50
  %v52 = sub i64 %v47, 0
  %v53 = and i64 %v52, -32
  %v54 = icmp slt i64 0, %v53
  br i1 %v54, label %loop4, label %done5
loop4:
  %p55 = phi i64 [0, %unit1], [%v64, %loop4]
  %p56 = phi <32 x double> [<double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000>, %unit1], [%v61, %loop4]
  %v57 = add i64 %v49, %p55
  %v58 = getelementptr double, ptr %v24, i64 %v57
  %v59 = load <32 x double>, ptr %v58, align 8
  %v60 = call <32 x double> @llvm.fabs.v32f64(<32 x double> %v59)
  %v61 = fadd <32 x double> %p56, %v60
  %v62 = add i64 %p55, 32
  %v63 = icmp slt i64 %v62, %v53
  %v64 = call i64 asm "", "=r,0"(i64 %v62)
  br i1 %v63, label %loop4, label %done5
done5:
  %p65 = phi <32 x double> [<double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000>, %unit1], [%v61, %loop4]
  %v66 = icmp slt i64 %v53, %v47
  br i1 %v66, label %tail6, label %end7
tail6:
  %v67 = sub i64 %v47, %v53
  %v68 = trunc i64 %v67 to i32
  %v69 = insertelement <32 x i32> poison, i32 %v68, i64 0
  %v70 = shufflevector <32 x i32> %v69, <32 x i32> poison, <32 x i32> zeroinitializer
  %v71 = icmp slt <32 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15, i32 16, i32 17, i32 18, i32 19, i32 20, i32 21, i32 22, i32 23, i32 24, i32 25, i32 26, i32 27, i32 28, i32 29, i32 30, i32 31>, %v70
  %v72 = add i64 %v49, %v53
  %v73 = getelementptr double, ptr %v24, i64 %v72
  %v74 = call <32 x double> @llvm.masked.load.v32f64.p0(ptr %v73, i32 8, <32 x i1> %v71, <32 x double> zeroinitializer)
  %v75 = call <32 x double> @llvm.fabs.v32f64(<32 x double> %v74)
  %v76 = fadd <32 x double> %p65, %v75
  %v77 = select <32 x i1> %v71, <32 x double> %v76, <32 x double> %p65
  br label %end7
end7:
  %p78 = phi <32 x double> [%p65, %done5], [%v77, %tail6]
  %v79 = shufflevector <32 x double> %p78, <32 x double> poison, <16 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>
  %v80 = shufflevector <32 x double> %p78, <32 x double> poison, <16 x i32> <i32 16, i32 17, i32 18, i32 19, i32 20, i32 21, i32 22, i32 23, i32 24, i32 25, i32 26, i32 27, i32 28, i32 29, i32 30, i32 31>
  %v81 = fadd <16 x double> %v79, %v80
  %v82 = shufflevector <16 x double> %v81, <16 x double> poison, <8 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7>
  %v83 = shufflevector <16 x double> %v81, <16 x double> poison, <8 x i32> <i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>
  %v84 = fadd <8 x double> %v82, %v83
  %v85 = shufflevector <8 x double> %v84, <8 x double> poison, <4 x i32> <i32 0, i32 1, i32 2, i32 3>
  %v86 = shufflevector <8 x double> %v84, <8 x double> poison, <4 x i32> <i32 4, i32 5, i32 6, i32 7>
  %v87 = fadd <4 x double> %v85, %v86
  %v88 = shufflevector <4 x double> %v87, <4 x double> poison, <2 x i32> <i32 0, i32 1>
  %v89 = shufflevector <4 x double> %v87, <4 x double> poison, <2 x i32> <i32 2, i32 3>
  %v90 = fadd <2 x double> %v88, %v89
  %v91 = extractelement <2 x double> %v90, i64 0
  %v92 = extractelement <2 x double> %v90, i64 1
  %v93 = fadd double %v91, %v92
  %v94 = getelementptr double, ptr %v28, i64 %v51
  store double %v93, ptr %v94, align 8
  %v95 = add i64 %p42, 1
  %v96 = add i64 %p43, 1
  %v97 = icmp slt i64 %v95, %v40
  %v98 = call i64 asm "", "=r,0"(i64 %v95)
  %v99 = call i64 asm "", "=r,0"(i64 %v96)
  br i1 %v97, label %unit1, label %finished2
finished2:
  ret void
}
!0 = !{}

define void @kernel(ptr noalias %slots, ptr noalias %rec, i64 %begin, i64 %end, ptr %share) {
entry:
  %v1 = getelementptr i64, ptr %rec, i64 4
  %v2 = load i64, ptr %v1, align 8, !invariant.load !0
  %v3 = getelementptr i64, ptr %rec, i64 5
  %v4 = load i64, ptr %v3, align 8, !invariant.load !0
  %v5 = getelementptr i64, ptr %rec, i64 6
  %v6 = load i64, ptr %v5, align 8, !invariant.load !0
  %v7 = getelementptr i64, ptr %rec, i64 7
  %v8 = load i64, ptr %v7, align 8, !invariant.load !0
  %v9 = getelementptr i64, ptr %rec, i64 8
  %v10 = load i64, ptr %v9, align 8, !invariant.load !0
  %v11 = getelementptr i64, ptr %rec, i64 9
  %v12 = load i64, ptr %v11, align 8, !invariant.load !0
  %v13 = getelementptr i64, ptr %rec, i64 1
  %v14 = load i64, ptr %v13, align 8, !invariant.load !0
  %v15 = getelementptr ptr, ptr %slots, i64 %v14
  %v16 = load ptr, ptr %v15, align 8, !invariant.load !0
  %v17 = getelementptr i64, ptr %rec, i64 3
  %v18 = load i64, ptr %v17, align 8, !invariant.load !0
  %v19 = getelementptr ptr, ptr %slots, i64 %v18
  %v20 = load ptr, ptr %v19, align 8, !invariant.load !0
  %v21 = getelementptr i64, ptr %rec, i64 0
  %v22 = load i64, ptr %v21, align 8, !invariant.load !0
  %v23 = getelementptr i64, ptr %rec, i64 2
  %v24 = load i64, ptr %v23, align 8, !invariant.load !0
  %v25 = mul i64 %begin, %v2
  %v26 = mul i64 %end, %v2
  %v27 = icmp slt i64 %v26, %v4
  %v28 = select i1 %v27, i64 %v26, i64 %v4
  %v29 = icmp slt i64 %v25, %v28
  br i1 %v29, label %start3, label %finished2
start3:
  br label %unit1
unit1:
  %p30 = phi i64 [%v25, %start3], [%v51, %done5]
  %v31 = icmp slt i64 0, %v10
  br i1 %v31, label %loop4, label %done5
loop4:
  %p32 = phi i64 [0, %unit1], [%v40, %loop4]
  %p33 = phi <4 x double> [<double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000>, %unit1], [%v37, %loop4]
  %v34 = add i64 %v22, %p32
  %v35 = getelementptr double, ptr %v16, i64 %v34
  %v36 = load <4 x double>, ptr %v35, align 8
  %v37 = fadd <4 x double> %p33, %v36
  %v38 = add i64 %p32, 4
  %v39 = icmp slt i64 %v38, %v10
  %v40 = call i64 asm "", "=r,0"(i64 %v38)
  br i1 %v39, label %loop4, label %done5
done5:
  %p41 = phi <4 x double> [<double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000, double 0x0000000000000000>, %unit1], [%v37, %loop4]
  %v42 = shufflevector <4 x double> %p41, <4 x double> poison, <2 x i32> <i32 0, i32 1>
  %v43 = shufflevector <4 x double> %p41, <4 x double> poison, <2 x i32> <i32 2, i32 3>
  %v44 = fadd <2 x double> %v42, %v43
  %v45 = extractelement <2 x double> %v44, i64 0
  %v46 = extractelement <2 x double> %v44, i64 1
  %v47 = fadd double %v45, %v46
  %v48 = getelementptr double, ptr %v20, i64 %v24
  store double %v47, ptr %v48, align 8
  %v49 = add i64 %p30, 1
  %v50 = icmp slt i64 %v49, %v28
  %v51 = call i64 asm "", "=r,0"(i64 %v49)
  br i1 %v50, label %unit1, label %finished2
finished2:
  ret void
}
!0 = !{}
